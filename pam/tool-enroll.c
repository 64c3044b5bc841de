/*
 * keyfob pam enroll: a credential for logging in
 *
 * It is made, and then it has to prove itself once as it will have to at a login, with the code of the module. Only then is its line
 * printed, or added to the user's own authfile, with its name beside that. Where the security key has hmac-secret, a slot of the vault
 * is made of the same credential, so that the touch of a login opens it. Of a resident one the authfile does not have the id, but the slot
 * does. What is Keyfob's own opens no vault that it is in.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/base64.h"
#include "pam/authfile-edit.h"
#include "pam/keys.h"
#include "pam/tool.h"
#include "ssh/link.h"

#define OWN      "keyfob"
#define ID_SIZE  32U
#define FLAG_UV  0x04U

typedef struct Enroll {
        const char *device, *origin, *user, *conf, *label, *name;
        bool verify, pin, no_touch, resident, no_user, add, unlock, no_unlock;
        bool of_self, secretive, own, verified; /* for who runs this; has hmac-secret; is Keyfob's own; proved so */
        int algorithm, unnamed; /* the second: the exit code for a name that could not be kept */
        Link *link;
        fido_dev_t *dev;
        Secret *secret; /* the PIN */
        Login login;    /* as far as a proof needs it */
        Credential credential; /* as the authfile has it, so a resident one without its id */
        uint8_t *id;
        size_t id_size;
} Enroll;

static void enroll_done(Enroll *enroll)
{
        if (enroll->dev) {
                (void)fido_dev_close(enroll->dev);
                fido_dev_free(&enroll->dev);
        }
        enroll->link = link_free(enroll->link);
        enroll->secret = secret_free(enroll->secret);
        credential_done(&enroll->credential);
        free(enroll->id);
        login_done(&enroll->login);
}

/* ---- the security key ---- */

static int open_own(Enroll *enroll)
{
        if (link_new(&enroll->link) != 0)
                return tool_error(TOOL_OTHER, "keyfobd does not run and could not be started");
        enroll->dev = fido_dev_new();
        if (!enroll->dev || link_open(enroll->link, enroll->dev) != FIDO_OK)
                return tool_error(TOOL_OTHER, "keyfobd does not answer as a security key");
        return 0;
}

static int open_plugged(Enroll *enroll)
{
        fido_dev_info_t *infos = fido_dev_info_new(KEYS_MAX);
        const char *path = enroll->device;
        size_t n = 0;
        int r = 0;

        if (!path && (!infos || fido_dev_info_manifest(infos, KEYS_MAX, &n) != FIDO_OK || n == 0))
                r = tool_error(TOOL_NOT_FOUND, "no security key is plugged in (--key keyfob makes one in Keyfob)");
        else if (!path && n > 1)
                r = tool_error(TOOL_USAGE, "there are several security keys: name one with --key PATH, as keyfob key list shows it");
        if (r == 0) {
                path = path ? path : fido_dev_info_path(fido_dev_info_ptr(infos, 0));
                enroll->dev = fido_dev_new();
                if (!enroll->dev || fido_dev_open(enroll->dev, path) != FIDO_OK)
                        r = tool_error(TOOL_OTHER, "%s can't be opened", path);
        }
        fido_dev_info_free(&infos, KEYS_MAX);
        return r;
}

static bool has_extension(fido_dev_t *dev, const char *name)
{
        fido_cbor_info_t *info = fido_dev_is_fido2(dev) ? fido_cbor_info_new() : NULL;
        char **names;
        bool found = false;

        if (info && fido_dev_get_cbor_info(dev, info) == FIDO_OK) {
                names = fido_cbor_info_extensions_ptr(info);
                for (size_t i = 0; names && i < fido_cbor_info_extensions_len(info); i++)
                        found |= strcmp(names[i], name) == 0;
        }
        fido_cbor_info_free(&info);
        return found;
}

static int open_key(Enroll *enroll)
{
        int r = enroll->device && strcmp(enroll->device, OWN) == 0 ? open_own(enroll) : open_plugged(enroll);

        if (r != 0)
                return r;
        enroll->own = enroll->link || key_is_own(enroll->dev); /* it must verify, whoever asks */
        enroll->secretive = has_extension(enroll->dev, "hmac-secret");
        if (enroll->unlock && (enroll->link || !enroll->secretive))
                return tool_error(TOOL_REFUSED, enroll->link ? "Keyfob's own security key is in the vault, so it can't open it"
                                                             : "this security key can't open a vault: it has no hmac-secret");
        return 0;
}

static int ask_pin(Enroll *enroll)
{
        char question[96];
        int left;

        if (fido_dev_get_retry_count(enroll->dev, &left) != FIDO_OK)
                return tool_error(TOOL_OTHER, "the security key does not say how many tries of its PIN are left");
        if (left < 3)
                return tool_error(TOOL_REFUSED, "only %d tries of the PIN are left: they are not spent here", left);
        (void)snprintf(question, sizeof(question), "PIN of the security key (%d tries left): ", left);
        return tool_ask(question, &enroll->secret) == 0 ? 0 : tool_error(TOOL_REFUSED, "no PIN was given");
}

static bool needs_pin(const Enroll *enroll)
{
        bool verifies = enroll->verify || enroll->pin || enroll->own;

        return !enroll->link && fido_dev_has_pin(enroll->dev) && (enroll->pin || !verifies || !fido_dev_has_uv(enroll->dev));
}

/* ---- the credential ---- */

static int describe(const Enroll *enroll, fido_cred_t *cred)
{
        uint8_t random[2 * ID_SIZE];
        int r;

        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return FIDO_ERR_INTERNAL;
        r = fido_cred_set_type(cred, enroll->algorithm);
        r = r ? r : fido_cred_set_clientdata(cred, random, ID_SIZE);
        r = r ? r : fido_cred_set_rp(cred, enroll->origin, enroll->origin);
        r = r ? r : fido_cred_set_user(cred, random + ID_SIZE, ID_SIZE, enroll->user, enroll->user, NULL);
        r = r ? r : fido_cred_set_rk(cred, enroll->resident ? FIDO_OPT_TRUE : FIDO_OPT_OMIT);
        if (r == FIDO_OK && enroll->secretive)
                r = fido_cred_set_extensions(cred, FIDO_EXT_HMAC_SECRET);
        if (r == FIDO_OK && !enroll->secret && fido_dev_has_uv(enroll->dev))
                r = fido_cred_set_uv(cred, FIDO_OPT_TRUE);
        return r;
}

static uint8_t *copy_id(const fido_cred_t *cred)
{
        uint8_t *id = malloc(fido_cred_id_len(cred) + 1);

        if (id)
                memcpy(id, fido_cred_id_ptr(cred), fido_cred_id_len(cred));
        return id;
}

static int keep(Enroll *enroll, const fido_cred_t *cred)
{
        Credential *credential = &enroll->credential;

        enroll->id_size = fido_cred_id_len(cred);
        if (enroll->id_size == 0 || enroll->id_size > CREDENTIAL_ID_MAX)
                return tool_error(TOOL_OTHER, "the security key made a credential of an unknown form");
        enroll->id = copy_id(cred);
        credential->id = enroll->resident ? NULL : copy_id(cred);
        if (!enroll->id || (!enroll->resident && !credential->id))
                return tool_error(TOOL_OTHER, "out of memory");
        credential->id_size = enroll->resident ? 0 : enroll->id_size;
        if (fido_cred_pubkey_len(cred) == 0 ||
            credential_set_key(credential, (Algorithm)enroll->algorithm, fido_cred_pubkey_ptr(cred), fido_cred_pubkey_len(cred)) < 0)
                return tool_error(TOOL_OTHER, "the security key made a key of another kind");
        credential->presence = !enroll->no_touch;
        credential->verification = enroll->verify || enroll->own;
        credential->pin = enroll->pin;
        return 0;
}

static int make(Enroll *enroll, const char *pin)
{
        fido_cred_t *cred = fido_cred_new();
        int r;

        r = cred ? describe(enroll, cred) : FIDO_ERR_INTERNAL;
        if (r == FIDO_OK) {
                if (!enroll->link)
                        fprintf(stderr, "keyfob: touch the security key, to make the credential\n");
                r = fido_dev_make_cred(enroll->dev, cred, pin);
        }
        if (r == FIDO_OK && strcmp(fido_cred_fmt(cred), "none") != 0)
                r = fido_cred_x5c_ptr(cred) ? fido_cred_verify(cred) : fido_cred_verify_self(cred);
        r = r == FIDO_OK ? keep(enroll, cred) : tool_error(TOOL_REFUSED, "no credential was made: %s", fido_strerr(r));
        fido_cred_free(&cred);
        return r;
}

static int prove(Enroll *enroll, const char *pin)
{
        _cleanup_(fido_assertion_done) fido_assert_t *assertion = NULL;
        Proof proof = proof_of(&enroll->login, &enroll->credential, /* own= */ false);
        size_t i = 0;
        int r;

        if (proof_begin(&enroll->login, &proof, &assertion) < 0)
                return tool_error(TOOL_OTHER, "out of memory");
        if (!enroll->link)
                fprintf(stderr, "keyfob: touch it once more, to log in with it for a try\n");
        r = fido_dev_get_assert(enroll->dev, assertion, proof.verification == FIDO_OPT_TRUE ? pin : NULL);
        if (r == FIDO_ERR_PIN_REQUIRED && pin) /* it always wants one, and a login asks for it then */
                r = fido_dev_get_assert(enroll->dev, assertion, pin);
        if (r != FIDO_OK)
                return tool_error(TOOL_REFUSED, "nothing is written, because the try failed: %s", fido_strerr(r));
        if (proof_check(&enroll->login, &proof, assertion, &i) != 0)
                return tool_error(TOOL_REFUSED, "nothing is written, because what the security key signed does not fit");
        enroll->verified = fido_assert_flags(assertion, i) & FLAG_UV;
        return 0;
}

/* ---- the line ---- */

static int make_line(const Enroll *enroll, char **ret)
{
        const Credential *credential = &enroll->credential;
        _cleanup_free_ char *id = NULL, *key = NULL;

        id = enroll->resident ? strdup("*") : base64_encode(credential->id, credential->id_size);
        key = base64_encode(credential->key, credential->key_size);
        if (!id || !key || asprintf(ret, ":%s,%s,%s,%s%s%s", id, key, enroll->algorithm == COSE_ES256 ? "es256" : "eddsa",
                                    credential->presence ? "+presence" : "", credential->verification ? "+verification" : "",
                                    credential->pin ? "+pin" : "") < 0)
                return tool_error(TOOL_OTHER, "out of memory");
        return 0;
}

/* Logging in does not depend on what is beside the authfile, so a line that is there stays. */
static int note(const Enroll *enroll, const ToolAuthfile *file)
{
        const NamesEntry entry = {.name = enroll->name, .id = enroll->id, .id_size = enroll->resident ? enroll->id_size : 0};

        return entry.name || entry.id_size > 0 ? tool_authfile_write_name(file, &enroll->credential, &entry) : 0;
}

static int add(Enroll *enroll, const char *line)
{
        _cleanup_(tool_authfile_done) ToolAuthfile file = TOOL_AUTHFILE_NULL;
        _cleanup_(byte_writer_done) ByteWriter data = BYTE_WRITER_NULL;
        int r;

        r = tool_authfile_read(&enroll->login, TOOL_AUTHFILE_NOBODY | TOOL_AUTHFILE_LOCKED, &file);
        if (r == 0 && enroll->name)
                r = tool_authfile_name_is_free(&file, enroll->name);
        if (r != 0)
                return r;
        r = authfile_add(file.text ? (const char *)file.text->data : "", file.text ? file.text->size : 0, enroll->user, line, &data);
        r = r < 0 ? tool_error(TOOL_OTHER, "out of memory") : tool_authfile_write(&enroll->login, &file, &data);
        if (r != 0)
                return r;
        fprintf(stderr, "keyfob: added to %s\n", file.path.path);
        enroll->unnamed = note(enroll, &file);
        return 0;
}

/* Before anybody touches anything. */
static int check_file(const Enroll *enroll)
{
        _cleanup_(tool_authfile_done) ToolAuthfile file = TOOL_AUTHFILE_NULL;
        int r;

        if (!enroll->add)
                return 0;
        r = tool_authfile_read(&enroll->login, TOOL_AUTHFILE_NOBODY, &file);
        return r == 0 && enroll->name ? tool_authfile_name_is_free(&file, enroll->name) : r;
}

/* ---- the command ---- */

static int begin(Enroll *enroll)
{
        int r = tool_begin(&enroll->login, enroll->conf, enroll->origin);

        if (r != 0)
                return r;
        enroll->of_self = !enroll->user && !enroll->no_user;
        enroll->origin = enroll->login.origin;
        enroll->user = enroll->user ? enroll->user : enroll->login.user.name;
        enroll->login.service = "enroll";
        return 0;
}

static int write_line(Enroll *enroll)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = make_line(enroll, &line);
        if (r != 0)
                return r;
        if (enroll->add)
                return add(enroll, line);
        if (printf("%s%s\n", enroll->no_user ? "" : enroll->user, line) < 0 || fflush(stdout) != 0)
                return tool_error(TOOL_OTHER, "the line could not be written");
        return 0;
}

/* By itself where it is certain to be meant: for somebody's own login, with a key that can, and that is not in the vault. */
static int open_vault(Enroll *enroll)
{
        bool meant = enroll->of_self && enroll->secretive && !enroll->own;

        if (enroll->no_unlock || (!meant && !enroll->unlock))
                return 0;
        (void)fido_dev_close(enroll->dev); /* the daemon's to use now */
        return tool_slot_add(&(ToolSlot){.login = &enroll->login,
                                         .credential = &enroll->credential,
                                         .id = enroll->id,
                                         .id_size = enroll->id_size,
                                         .key = enroll->device,
                                         .label = enroll->label ?: enroll->name,
                                         .pin = enroll->secret,
                                         .verified = enroll->verified,
                                         .must = enroll->unlock});
}

static int run(Enroll *enroll)
{
        _cleanup_(string_wipe_freep) char *pin = NULL;
        int r;

        r = begin(enroll);
        if (r == 0)
                r = check_file(enroll);
        if (r == 0)
                r = open_key(enroll);
        if (r == 0 && needs_pin(enroll))
                r = ask_pin(enroll);
        if (r == 0 && enroll->secret && !(pin = secret_strdup(enroll->secret)))
                r = tool_error(TOOL_OTHER, "out of memory");
        if (r == 0)
                r = make(enroll, pin);
        if (r == 0)
                r = prove(enroll, pin);
        if (r == 0)
                r = write_line(enroll);
        if (r == 0)
                r = open_vault(enroll);
        if (r == 0)
                fprintf(stderr, "keyfob: for the day when this key is lost, enrol a second one, and have a code on paper for the "
                                "vault: keyfob slot add --kind recovery\n");
        return r ?: enroll->unnamed;
}

int tool_enroll(int argc, char *argv[])
{
        static const struct option options[] = {{"key", required_argument, NULL, 'k'},     {"origin", required_argument, NULL, 'o'},
                                                {"user", required_argument, NULL, 'u'},    {"type", required_argument, NULL, 't'},
                                                {"verify", no_argument, NULL, 'V'},        {"pin", no_argument, NULL, 'N'},
                                                {"no-touch", no_argument, NULL, 'P'},      {"resident", no_argument, NULL, 'r'},
                                                {"no-user", no_argument, NULL, 'n'},       {"add", no_argument, NULL, 'a'},
                                                {"unlock", no_argument, NULL, 'U'},        {"no-unlock", no_argument, NULL, 'L'},
                                                {"label", required_argument, NULL, 'l'},   {"conf", required_argument, NULL, 'c'},
                                                {"name", required_argument, NULL, 'm'},    {NULL, 0, NULL, 0}};
        _cleanup_(enroll_done) Enroll enroll = {.algorithm = COSE_ES256, .login = {.log = LOG_NULL, .user = USER_NULL}};
        int c;

        while ((c = getopt_long(argc, argv, "o:u:t:VNPrna", options, NULL)) >= 0) {
                switch (c) {
                case 'k':
                        enroll.device = optarg;
                        break;
                case 'o':
                        enroll.origin = optarg;
                        break;
                case 'u':
                        enroll.user = optarg;
                        break;
                case 't':
                        if (strcasecmp(optarg, "es256") != 0 && strcasecmp(optarg, "eddsa") != 0)
                                return tool_error(TOOL_USAGE, "--type is es256 or eddsa");
                        enroll.algorithm = strcasecmp(optarg, "es256") == 0 ? COSE_ES256 : COSE_EDDSA;
                        break;
                case 'V':
                        enroll.verify = true;
                        break;
                case 'N':
                        enroll.pin = true;
                        break;
                case 'P':
                        enroll.no_touch = true;
                        break;
                case 'r':
                        enroll.resident = true;
                        break;
                case 'n':
                        enroll.no_user = true;
                        break;
                case 'a':
                        enroll.add = true;
                        break;
                case 'U':
                        enroll.unlock = true;
                        break;
                case 'L':
                        enroll.no_unlock = true;
                        break;
                case 'l':
                        enroll.label = optarg;
                        break;
                case 'c':
                        enroll.conf = optarg;
                        break;
                case 'm':
                        enroll.name = optarg;
                        break;
                default:
                        return TOOL_USAGE;
                }
        }
        if (enroll.unlock && (enroll.no_unlock || enroll.user || enroll.no_user))
                return tool_error(TOOL_USAGE, "--unlock is for your own login");
        if (enroll.name && !enroll.add)
                return tool_error(TOOL_USAGE, "--name goes with --add: a name is kept beside your own authfile");
        if (optind != argc || (enroll.add && (enroll.user || enroll.no_user)))
                return tool_error(TOOL_USAGE, "usage: keyfob pam enroll [OPTIONS]");
        fido_init(/* flags= */ 0);
        return run(&enroll);
}
