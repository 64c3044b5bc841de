/* The owner of an ssh-agent that is fuzzed */
#include "fuzz/ssh-owner.h"

static unsigned number_of(Run *run, const SshClient *client)
{
        unsigned i = 0;

        while (run->clients[i] != client) {
                i++;
                PROMISE(i < CLIENTS);
        }
        return i;
}

static uint64_t on_now(void *userdata)
{
        return ((Run *)userdata)->f->now;
}

static uint64_t on_wall(void *userdata)
{
        return ((Run *)userdata)->f->wall;
}

static int on_ask(void *userdata, SshClient *client, const SshQuestion *question)
{
        Run *run = userdata;
        unsigned i = number_of(run, client);

        PROMISE(run->asked[i] == 0 && !run->works[i] && !run->device[i]);
        PROMISE(question->kind == SSH_ASK_STORAGE || question->key);
        if (question->kind == SSH_ASK_CONFIRM || question->kind == SSH_ASK_VERIFY)
                PROMISE(question->purpose);
        if (run->answer == SSH_LATER)
                run->asked[i] = question->kind;
        if (run->answer == SSH_YES && question->kind == SSH_ASK_CONFIRM)
                run->agreed[i]++;
        if (run->answer == SSH_YES && question->kind == SSH_ASK_STORAGE)
                run->f->open = true;
        return (int)run->answer;
}

static void on_withdraw(void *userdata, SshClient *client)
{
        Run *run = userdata;
        unsigned i = number_of(run, client);

        PROMISE(run->asked[i] != 0 || run->works[i] || run->device[i]);
        for (unsigned k = 0; k < WORKS && run->works[i]; k++)
                if (!run->orphans[k]) {
                        run->orphans[k] = run->works[i];
                        run->works[i] = NULL;
                }
        run->works[i] = ssh_work_free(run->works[i]);
        run->asked[i] = 0;
        run->device[i] = false;
}

static int on_compute(void *userdata, SshClient *client, SshWork *work)
{
        Run *run = userdata;
        unsigned i = number_of(run, client);

        PROMISE(run->asked[i] == 0 && !run->works[i] && !run->device[i]);
        if (!(run->config & SLOW))
                return SSH_NO;
        run->works[i] = work;
        return SSH_LATER;
}

static int on_sk_sign(void *userdata, SshClient *client, const SshSkRequest *request)
{
        Run *run = userdata;
        unsigned i = number_of(run, client);

        PROMISE(run->asked[i] == 0 && !run->works[i] && !run->device[i]);
        PROMISE(request->question && request->question->key && request->application && request->key_handle);
        run->device[i] = true;
        return SSH_LATER;
}

static bool on_is_open(void *userdata)
{
        return ((Run *)userdata)->f->open;
}

/* A call of the fixture's storage. */
#define STORAGE(call)                                                                                                 \
        ({                                                                                                            \
                int _r_;                                                                                              \
                fail_leave();                                                                                         \
                PROMISE(run->f->open);                                                                                \
                _r_ = run->f->ops.call;                                                                               \
                fail_enter();                                                                                         \
                _r_;                                                                                                  \
        })

static int on_put(void *userdata, uint64_t *number, const void *data, size_t size, const void *hint, size_t hint_size)
{
        Run *run = userdata;

        PROMISE(size <= SSH_RECORD_MAX && hint_size <= SSH_HINT_MAX);
        return STORAGE(put(run->f, number, data, size, hint, hint_size));
}

static int on_get(void *userdata, uint64_t number, Secret *ret)
{
        Run *run = userdata;

        return STORAGE(get(run->f, number, ret));
}

static int on_remove(void *userdata, uint64_t number)
{
        Run *run = userdata;

        return STORAGE(remove(run->f, number));
}

static bool on_keeps(void *userdata)
{
        return ((Run *)userdata)->config & KEEPS;
}

static void on_changed(void *userdata)
{
        ((Run *)userdata)->f->changed++;
}

const SshAgentOps owner_ops = {
        .now = on_now, .wall = on_wall, .ask = on_ask, .withdraw = on_withdraw, .compute = on_compute, .sk_sign = on_sk_sign,
        .is_open = on_is_open, .put = on_put, .get = on_get, .remove = on_remove, .keeps = on_keeps, .changed = on_changed,
};
