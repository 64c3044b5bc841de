/*
 * What the owner allows
 *
 * A policy is a record's, so nothing of it is known, or believed, while storage is locked. A list that is there and empty
 * allows nobody; a list that is not there allows everybody.
 */
#include <errno.h>
#include <string.h>

#include "common/app-name.h"
#include "sshagent/internal.h"

enum {
        POLICY_CONFIRM = 1,
        POLICY_VERIFY = 2,
        POLICY_PROGRAMS = 4,
        POLICY_HOSTS = 8,
};

#define PROGRAM_MAX ((size_t)4096)
#define HOST_MAX    ((size_t)256)

void ssh_policy_done(SshPolicy *policy)
{
        for (size_t i = 0; policy->programs && i < policy->n_programs; i++)
                free(policy->programs[i]);
        for (size_t i = 0; policy->hosts && i < policy->n_hosts; i++) {
                free(policy->hosts[i].name);
                free(policy->hosts[i].key);
        }
        free(policy->programs);
        free(policy->hosts);
        *policy = (SshPolicy){0};
}

static int copy_program(SshPolicy *policy, const char *program)
{
        policy->programs[policy->n_programs] = strdup(program);
        if (!policy->programs[policy->n_programs])
                return -ENOMEM;
        policy->n_programs++;
        return 0;
}

static int copy_host(SshPolicy *policy, const SshPolicyHost *host)
{
        SshPolicyHost *to = &policy->hosts[policy->n_hosts++];

        to->name = strdup(host->name);
        to->key = malloc(host->key_size);
        if (!to->name || !to->key)
                return -ENOMEM;
        memcpy(to->key, host->key, host->key_size);
        to->key_size = host->key_size;
        return 0;
}

int policy_copy(const SshPolicy *policy, SshPolicy *ret)
{
        _cleanup_(ssh_policy_done) SshPolicy copy = {.confirm = policy->confirm, .verify = policy->verify};
        int r = 0;

        if (policy->programs) {
                copy.programs = calloc(policy->n_programs + 1, sizeof(*copy.programs));
                if (!copy.programs)
                        return -ENOMEM;
        }
        if (policy->hosts) {
                copy.hosts = calloc(policy->n_hosts + 1, sizeof(*copy.hosts));
                if (!copy.hosts)
                        return -ENOMEM;
        }
        for (size_t i = 0; policy->programs && i < policy->n_programs && r == 0; i++)
                r = copy_program(&copy, policy->programs[i]);
        for (size_t i = 0; policy->hosts && i < policy->n_hosts && r == 0; i++)
                r = copy_host(&copy, &policy->hosts[i]);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (SshPolicy){0};
        return 0;
}

bool ssh_policy_valid(const SshPolicy *policy)
{
        Blob blob;

        if ((policy->programs && policy->n_programs > SSH_POLICY_MAX) || (policy->hosts && policy->n_hosts > SSH_POLICY_MAX))
                return false;
        for (size_t i = 0; policy->programs && i < policy->n_programs; i++) {
                const char *program = policy->programs[i];
                size_t n = strlen(program);

                if ((program[0] != '/' && !app_name_is(program)) || n > PROGRAM_MAX || !utf8_valid(program, n))
                        return false;
        }
        for (size_t i = 0; policy->hosts && i < policy->n_hosts; i++) {
                const SshPolicyHost *host = &policy->hosts[i];
                size_t n = strlen(host->name);

                if (n == 0 || n > HOST_MAX || !utf8_valid(host->name, n) ||
                    blob_read((Span){host->key, host->key_size}, &blob) < 0 || blob.certificate)
                        return false;
        }
        return true;
}

bool policy_has_program(const SshPolicy *policy, const char *program)
{
        for (size_t i = 0; i < policy->n_programs; i++)
                if (strcmp(policy->programs[i], program) == 0)
                        return true;
        return false;
}

const SshPolicyHost *policy_find_host(const SshPolicy *policy, Span key)
{
        for (size_t i = 0; i < policy->n_hosts; i++)
                if (span_equal(key, (Span){policy->hosts[i].key, policy->hosts[i].key_size}))
                        return &policy->hosts[i];
        return NULL;
}

void policy_write(const SshPolicy *policy, ByteWriter *writer)
{
        byte_writer_u8(writer, (uint8_t)((policy->confirm ? POLICY_CONFIRM : 0) | (policy->verify ? POLICY_VERIFY : 0) |
                                         (policy->programs ? POLICY_PROGRAMS : 0) | (policy->hosts ? POLICY_HOSTS : 0)));
        if (policy->programs) {
                byte_writer_u16(writer, (uint16_t)policy->n_programs);
                for (size_t i = 0; i < policy->n_programs; i++)
                        byte_writer_string(writer, policy->programs[i]);
        }
        if (policy->hosts) {
                byte_writer_u16(writer, (uint16_t)policy->n_hosts);
                for (size_t i = 0; i < policy->n_hosts; i++) {
                        byte_writer_string(writer, policy->hosts[i].name);
                        byte_writer_blob(writer, policy->hosts[i].key, policy->hosts[i].key_size);
                }
        }
}

static int read_programs(ByteReader *reader, SshPolicy *policy)
{
        uint16_t n = byte_reader_u16(reader);

        if (n > SSH_POLICY_MAX)
                return -EINVAL;
        policy->programs = calloc(n + 1U, sizeof(*policy->programs));
        if (!policy->programs)
                return -ENOMEM;
        for (; policy->n_programs < n; policy->n_programs++) {
                policy->programs[policy->n_programs] = byte_reader_string(reader, PROGRAM_MAX);
                if (!policy->programs[policy->n_programs])
                        return -EINVAL;
        }
        return 0;
}

static int read_hosts(ByteReader *reader, SshPolicy *policy)
{
        uint16_t n = byte_reader_u16(reader);

        if (n > SSH_POLICY_MAX)
                return -EINVAL;
        policy->hosts = calloc(n + 1U, sizeof(*policy->hosts));
        if (!policy->hosts)
                return -ENOMEM;
        while (policy->n_hosts < n) {
                SshPolicyHost *host = &policy->hosts[policy->n_hosts++];
                const uint8_t *key;
                size_t size;

                host->name = byte_reader_string(reader, HOST_MAX);
                key = byte_reader_blob(reader, SSH_RECORD_MAX, &size);
                if (!host->name || !key || size == 0)
                        return -EINVAL;
                host->key = malloc(size);
                if (!host->key)
                        return -ENOMEM;
                memcpy(host->key, key, size);
                host->key_size = size;
        }
        return 0;
}

int policy_read(ByteReader *reader, SshPolicy *ret)
{
        _cleanup_(ssh_policy_done) SshPolicy policy = {0};
        uint8_t flags = byte_reader_u8(reader);
        int r = 0;

        policy.confirm = flags & POLICY_CONFIRM;
        policy.verify = flags & POLICY_VERIFY;
        if (flags & POLICY_PROGRAMS)
                r = read_programs(reader, &policy);
        if (r == 0 && flags & POLICY_HOSTS)
                r = read_hosts(reader, &policy);
        if (r < 0)
                return r;
        if (reader->failed || flags > 15 || !ssh_policy_valid(&policy))
                return -EINVAL;
        *ret = policy;
        policy = (SshPolicy){0};
        return 0;
}
