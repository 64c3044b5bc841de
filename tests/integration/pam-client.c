/*
 * A program that lets people in
 *
 *   pam-client [-r HOST] [-a ANSWER]... SERVICE USER STAGE...
 *
 * Stages are authenticate, setcred, account, open, close, chauthtok, and become=USER, as sudo does it; all are of one
 * handle. Each message of a module is a line of output ("info: ", "error: ", "question: "), and so is the end of each
 * stage ("authenticate: 0"). Answers are given in their order; when there are no more, the conversation fails. "-a -"
 * is a response without text. The exit code is the last stage's. As programs on a terminal do, it wants to know of its size.
 */
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWERS_MAX 16
#define BECOME      "become="

typedef struct Person {
        const char *answers[ANSWERS_MAX];
        int n, given;
} Person;

static int respond(Person *person, struct pam_response *response)
{
        const char *answer;

        if (person->given == person->n)
                return PAM_CONV_ERR;
        answer = person->answers[person->given++];
        response->resp = strcmp(answer, "-") == 0 ? NULL : strdup(answer);
        return PAM_SUCCESS;
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
        struct pam_response *responses = calloc((size_t)n, sizeof(*responses));
        int r = PAM_SUCCESS;

        if (!responses)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++) {
                int style = messages[i]->msg_style;
                bool asks = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;

                printf("%s: %s\n", style == PAM_TEXT_INFO ? "info" : style == PAM_ERROR_MSG ? "error" : "question", messages[i]->msg);
                (void)fflush(stdout);
                if (asks && r == PAM_SUCCESS)
                        r = respond(data, responses + i);
        }
        if (r == PAM_SUCCESS)
                *ret = responses;
        else
                free(responses);
        return r;
}

static int run(pam_handle_t *pamh, const char *stage)
{
        if (strcmp(stage, "authenticate") == 0)
                return pam_authenticate(pamh, 0);
        if (strcmp(stage, "setcred") == 0)
                return pam_setcred(pamh, PAM_ESTABLISH_CRED);
        if (strcmp(stage, "account") == 0)
                return pam_acct_mgmt(pamh, 0);
        if (strcmp(stage, "open") == 0)
                return pam_open_session(pamh, 0);
        if (strncmp(stage, BECOME, strlen(BECOME)) == 0)
                return pam_set_item(pamh, PAM_USER, stage + strlen(BECOME));
        if (strcmp(stage, "close") == 0)
                return pam_close_session(pamh, 0);
        return pam_chauthtok(pamh, 0);
}

static void on_size(int signal_number)
{
}

int main(int argc, char *argv[])
{
        Person person = {0};
        const struct pam_conv conversation = {converse, &person};
        const char *host = NULL;
        pam_handle_t *pamh = NULL;
        int c, r;

        while ((c = getopt(argc, argv, "+r:a:")) >= 0) {
                if (c == 'a' && person.n < ANSWERS_MAX)
                        person.answers[person.n++] = optarg;
                else if (c == 'r')
                        host = optarg;
                else
                        return 2;
        }
        if (argc - optind < 3 || signal(SIGWINCH, on_size) == SIG_ERR)
                return 2;
        r = pam_start(argv[optind], argv[optind + 1], &conversation, &pamh);
        if (r == PAM_SUCCESS && host)
                r = pam_set_item(pamh, PAM_RHOST, host);
        for (int i = optind + 2; r == PAM_SUCCESS && i < argc; i++) {
                r = run(pamh, argv[i]);
                printf("%s: %d\n", argv[i], r);
        }
        (void)pam_end(pamh, r);
        return r;
}
