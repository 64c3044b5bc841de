/* What the child that asks the user's daemon is believed: a signature, and nothing else. */
#include <errno.h>

#include "pam/child.h"
#include "tests/unit/pam-world.h"
#include "tests/unit/test.h"

#define REPLY_MAX 4096U /* of that child's; files may be larger */
#define WORDS     10    /* more than there are outcomes of a login */

static int says;

int __real_child_run(const User *user, ChildWork *work, void *data, size_t max, Secret **ret);
int __wrap_child_run(const User *user, ChildWork *work, void *data, size_t max, Secret **ret);

int __wrap_child_run(const User *user, ChildWork *work, void *data, size_t max, Secret **ret)
{
        if (max != REPLY_MAX)
                return __real_child_run(user, work, data, max, ret);
        return says == 0 ? secret_new(ret, 0) : says;
}

TEST(no_word_of_the_childs_is_success_or_ignored)
{
        _cleanup_(world_freep) World *w = world_new(NULL);

        world_credential(w, "+presence");
        pam_keys[0].plugged = false;
        for (says = 0; says < WORDS; says++)
                CHECK_EQ(world_authenticate(w, "keyfob", "nouserok", NULL), PAM_AUTH_ERR);
        says = -EIO;
        CHECK_EQ(world_authenticate(w, "keyfob", "nouserok", NULL), PAM_AUTH_ERR);
}

TEST_MAIN
