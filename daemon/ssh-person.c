/*
 * The ssh-agent's questions
 *
 * A locked vault is opened by the same question as everywhere (opening.h), shared with whoever else waits for it. The
 * message names the program by what the kernel says of it, the key by its comment and fingerprint, and the host by what
 * ssh has proved to the agent. Who wants a confirmation gets one, who wants a verification never only that
 * (ssh-verify.c). Answers come later, on the loop, so nothing here calls back into the agent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/present.h"
#include "daemon/ssh-internal.h"

#define QUESTIONS_OF_PEER 8U  /* that wait for the person: more are refused */
#define QUESTIONS_MAX     64U /* of all */

/* ---- words ---- */

void ssh_connection_identify(const SshConnection *connection, char *program, AskAbout *ret)
{
        pid_t pid = connection->peer->pid;

        caller_read_comm(pid, program, SSH_PROGRAM_MAX);
        if (!own_socket_peer_is_there(connection->fd)) {
                program[0] = 0;
                pid = 0;
        }
        *ret = (AskAbout){.program = program[0] ? program : NULL, .pid = pid, .door = "ssh"};
}

/* A host is named as hosts are; what is no such name could be a sentence, and look like one of ours. */
static const char *quote_host(const char *host)
{
        static const char of_hosts[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]%";

        return *host && host[strspn(host, of_hosts)] == 0 ? "" : "\"";
}

static void write_quoted(FILE *text, const char *before, const char *what)
{
        _cleanup_free_ char *shown = presentable(what);

        (void)fprintf(text, "%s\"%s\"", before, shown ? shown : "");
}

static void write_host(FILE *text, const char *before, const char *host)
{
        _cleanup_free_ char *shown = presentable(host);

        if (shown)
                (void)fprintf(text, "%s%s%s%s", before, quote_host(shown), shown, quote_host(shown));
}

/* 'The program "ssh" (process 12) wants to log in as "alice" to example.org with your key "laptop" (SHA256:…), forwarded
 * through bastion.' */
int ssh_message(const AskAbout *about, const SshQuestion *question, const char *then, char **ret)
{
        bool login = question->purpose && strcmp(question->purpose, "log in") == 0;
        _cleanup_free_ char *message = NULL;
        size_t size;
        FILE *text;

        text = open_memstream(&message, &size);
        if (!text)
                return -ENOMEM;
        if (about->program)
                write_quoted(text, "The program ", about->program);
        else
                (void)fputs("A program", text);
        if (about->pid > 0)
                (void)fprintf(text, " (process %d)", about->pid);
        (void)fprintf(text, " wants to %s",
                      question->purpose ? question->purpose
                      : question->key   ? "use"
                                        : "use your ssh-agent");
        if (question->user && *question->user)
                write_quoted(text, login ? " as " : " ", question->user);
        if (question->host)
                write_host(text, login ? " to " : " at ", question->host);
        else if (question->host_key)
                (void)fprintf(text, " to a host with the key %s", question->host_key);
        else if (login)
                (void)fputs(" to a host that it has not proved", text);
        if (question->key) {
                write_quoted(text, question->purpose ? " with your key " : " your key ", question->key->comment);
                (void)fprintf(text, " (%s)", question->key->fingerprint);
        }
        if (question->via)
                write_host(text, ", forwarded through ", question->via);
        (void)fprintf(text, ".%s%s", *then ? " " : "", then);
        if (fclose(text) < 0 || !message)
                return -ENOMEM;
        *ret = TAKE_PTR(message);
        return 0;
}

/* ---- how many may wait ---- */

bool ssh_connection_may_ask(const SshConnection *connection)
{
        unsigned n = 0;

        for (SshPeer *peer = connection->door->peers; peer; peer = peer->next)
                n += peer->n_questions;
        return n < QUESTIONS_MAX && connection->peer->n_questions < QUESTIONS_OF_PEER;
}

void ssh_connection_count(SshConnection *connection, bool asks)
{
        if (asks != connection->asks)
                connection->peer->n_questions += asks ? 1 : -1U;
        connection->asks = asks;
}

static void answer(SshConnection *connection, SshAnswer what)
{
        ssh_connection_count(connection, false);
        ssh_client_answer(connection->client, what);
        ssh_connection_settle(connection);
}

/* ---- the vault ---- */

static void on_opened(void *userdata, int result, Root *opened)
{
        _cleanup_(root_freep) Root *root = opened;
        SshConnection *connection = userdata;

        connection->opening = NULL;
        if (result == 0 && root)
                result = opening_unlock(connection->door->daemon, root);
        answer(connection, result == 0                                                     ? SSH_YES
                           : result == OPENING_CANCELLED || result == VAULT_E_WRONG_SECRET ? SSH_NO
                                                                                           : SSH_NOBODY);
}

static int ask_storage(SshConnection *connection, const AskAbout *about, const SshQuestion *question)
{
        Daemon *daemon = connection->door->daemon;
        _cleanup_free_ char *message = NULL;
        int r;

        if (!daemon->vault)
                return SSH_NOBODY;
        r = ssh_message(about, question, OPENING_QUESTION, &message);
        if (r < 0)
                return r;
        r = opening_start(daemon,
                          &(OpeningRequest){
                                  .about = *about,
                                  .interactive = true,
                                  .unlock = true,
                                  .purpose = "unlock",
                                  .message = message,
                          },
                          on_opened, connection, &connection->opening);
        return r < 0 ? r : SSH_LATER;
}

/* ---- may it? ---- */

static void on_confirmed(void *userdata, const AskAnswer *heard)
{
        static const SshAnswer answers[] = {
                [ASK_ALLOWED] = SSH_YES,
                [ASK_DENIED] = SSH_NO,
                [ASK_NO_PROMPTER] = SSH_NOBODY,
                [ASK_FAILED] = SSH_NOBODY,
        };
        SshConnection *connection = userdata;

        connection->ask = NULL;
        secret_free(heard->secret);
        answer(connection, answers[heard->outcome]);
}

static int ask_confirm(SshConnection *connection, const AskAbout *about, const SshQuestion *question)
{
        _cleanup_free_ char *message = NULL;
        int r;

        r = ssh_message(about, question, "", &message);
        if (r >= 0)
                r = ask_start(connection->door->daemon,
                              &(AskRequest){
                                      .kind = ASK_CONFIRM,
                                      .purpose = "ssh-confirm",
                                      .title = "Use of an ssh key",
                                      .message = message,
                                      .retries = -1,
                                      .about = *about,
                              },
                              on_confirmed, connection, &connection->ask);
        return r < 0 ? r : SSH_LATER;
}

static void on_verified(void *userdata, SshAnswer what)
{
        SshConnection *connection = userdata;

        connection->verification = NULL;
        answer(connection, what);
}

static int ask_verify(SshConnection *connection, const AskAbout *about, const SshQuestion *question)
{
        _cleanup_free_ char *message = NULL;
        int r;

        r = ssh_message(about, question, "", &message);
        if (r >= 0)
                r = ssh_verification_start(connection->door, about, message, on_verified, connection,
                                           &connection->verification);
        return r;
}

/* ---- which program it is ---- */

/* Of an app in a sandbox paths are what it says, so it goes by its name. NULL: not known. */
static char *program_of(ByteReader *fields)
{
        _cleanup_free_ char *path = byte_reader_string(fields, HELPER_TEXT_MAX), *app = NULL;
        uint8_t confinement;
        size_t size;

        (void)byte_reader_blob(fields, HELPER_TEXT_MAX, &size); /* what it calls itself */
        (void)byte_reader_blob(fields, HELPER_UNIT_MAX, &size); /* its unit */
        confinement = byte_reader_u8(fields);
        app = byte_reader_string(fields, HELPER_TEXT_MAX);
        if (fields->failed)
                return NULL;
        return confinement == HELPER_FREE ? TAKE_PTR(path) : confinement == HELPER_CONFINED ? TAKE_PTR(app) : NULL;
}

/* What can't be found out is no program, and a policy that names some allows it nothing. */
static void on_identified(void *userdata, HelperResult result, ByteReader *fields)
{
        SshConnection *connection = userdata;
        _cleanup_free_ char *program = NULL;

        connection->identifying = NULL;
        if (result == HELPER_OK && own_socket_peer_is_there(connection->fd))
                program = program_of(fields);
        if (ssh_client_set_program(connection->client, program ? program : "") < 0)
                connection->dead = true;
        answer(connection, SSH_YES);
}

static int ask_program(SshConnection *connection)
{
        ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        byte_writer_u32(&fields, (uint32_t)connection->peer->pid);
        r = fields.failed ? -ENOMEM
                          : helper_call(connection->door->daemon, HELPER_IDENTIFY, &fields, on_identified, connection,
                                        &connection->identifying);
        byte_writer_done(&fields);
        return r < 0 ? r : SSH_LATER;
}

/* ---- operations ---- */

int ssh_ask(void *userdata, SshClient *client, const SshQuestion *question)
{
        SshConnection *connection = ssh_client_userdata(client);
        char program[SSH_PROGRAM_MAX];
        AskAbout about;
        int r = SSH_NO;

        if (question->kind == SSH_ASK_PROGRAM)
                return ask_program(connection);
        if (!ssh_connection_may_ask(connection)) {
                log_line(LOG_WARNING, "too many questions of the ssh-agent are open: one of process %d is refused",
                         connection->peer->pid);
                return SSH_NO;
        }
        ssh_connection_identify(connection, program, &about);
        about.user = question->user;
        about.host = question->host ? question->host : question->host_key;
        switch (question->kind) {
        case SSH_ASK_STORAGE:
                r = ask_storage(connection, &about, question);
                break;
        case SSH_ASK_CONFIRM:
                r = ask_confirm(connection, &about, question);
                break;
        case SSH_ASK_VERIFY:
                r = ask_verify(connection, &about, question);
                break;
        case SSH_ASK_PROGRAM:
                break;
        }
        ssh_connection_count(connection, r == SSH_LATER);
        return r;
}

void ssh_withdraw(void *userdata, SshClient *client)
{
        SshConnection *connection = ssh_client_userdata(client);

        connection->ask = ask_cancel(connection->ask);
        connection->opening = opening_cancel(connection->opening);
        connection->verification = ssh_verification_cancel(connection->verification);
        connection->identifying = helper_call_cancel(connection->identifying);
        connection->token = ssh_token_cancel(connection->token);
        ssh_signature_cancel(connection);
        ssh_connection_count(connection, false);
}
