/*
 * A security key of another maker, for a key of ssh
 *
 * The helper speaks to it (helper/key.h). Whoever is to touch it is told so, and where the key wants its PIN the person is
 * asked for that, a few times: the key itself counts.
 */
#include <errno.h>
#include <string.h>

#include "daemon/ssh-internal.h"

#define PIN_TRIES 3

struct SshDevice {
        Daemon *daemon;
        Caller *caller; /* the owner of this ends it before that one goes */
        AskAbout about;
        char *message, *key, *application, *user;
        uint8_t handle[KEY_ID_MAX], hash[KEY_HASH_SIZE];
        size_t handle_size;
        bool enroll;
        uint32_t given;
        Secret *pin;
        int tries;

        HelperCall *call;
        Ask *shown, *asking;

        SshDeviceDone done;
        void *userdata;
};

SshDevice *ssh_device_cancel(SshDevice *device)
{
        if (!device)
                return NULL;
        helper_call_cancel(device->call);
        ask_cancel(device->shown);
        ask_cancel(device->asking);
        ask_about_done(&device->about);
        secret_free(device->pin);
        free(device->message);
        free(device->key);
        free(device->application);
        free(device->user);
        free(device);
        return NULL;
}
DEFINE_CLEANUP(SshDevice *, ssh_device_cancel)

static void end(SshDevice *device, SshDeviceResult result, ByteReader *fields, const char *why, KeyError error)
{
        SshDeviceDone done = device->done;
        void *userdata = device->userdata;

        ssh_device_cancel(device);
        done(userdata, result, fields, why, error);
}

/* ---- the person ---- */

static void on_shown(void *userdata, const AskAnswer *heard)
{
        SshDevice *device = userdata;

        secret_free(heard->secret);
        device->shown = NULL;
        if (heard->outcome == ASK_DENIED)
                end(device, SSH_DEVICE_REFUSED, NULL, NULL, KEY_E_CANCELLED);
}

/* Nobody to tell is no error: the key blinks. */
static void show_touch(SshDevice *device)
{
        _cleanup_free_ char *message = NULL;

        if (device->shown || asprintf(&message, "%s Touch your security key.", device->message) < 0)
                return;
        (void)ask_start(device->daemon,
                        &(AskRequest){
                                .kind = ASK_SHOW,
                                .purpose = "user-presence",
                                .title = "Touch your security key",
                                .message = message,
                                .retries = -1,
                                .caller = device->caller,
                                .about = device->about,
                        },
                        on_shown, device, &device->shown);
}

static int run(SshDevice *device);

static void on_pin(void *userdata, const AskAnswer *answer)
{
        SshDevice *device = userdata;

        device->asking = NULL;
        if (answer->outcome != ASK_ALLOWED) {
                end(device, answer->outcome == ASK_DENIED ? SSH_DEVICE_REFUSED : SSH_DEVICE_FAILED, NULL,
                    answer->outcome == ASK_DENIED ? NULL : "the key wants its PIN, and there is nobody to ask for it",
                    KEY_E_PIN_REQUIRED);
                return;
        }
        secret_free(device->pin);
        device->pin = answer->secret;
        if (run(device) < 0)
                end(device, SSH_DEVICE_FAILED, NULL, NULL, KEY_E_IO);
}

static int ask_pin(SshDevice *device, const char *problem)
{
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "%s Enter the PIN of your security key.", device->message) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        device->shown = ask_cancel(device->shown);
        return ask_start(device->daemon,
                         &(AskRequest){
                                 .kind = ASK_SECRET,
                                 .purpose = "user-verification",
                                 .title = "PIN of a security key",
                                 .message = message,
                                 .error = problem,
                                 .retries = -1,
                                 .caller = device->caller,
                                 .about = device->about,
                         },
                         on_pin, device, &device->asking);
}

/* ---- the key ---- */

static void on_progress(void *userdata, ByteReader *fields)
{
        if (byte_reader_u8(fields) == KEY_PROGRESS_TOUCH)
                show_touch(userdata);
}

static void on_answer(void *userdata, HelperResult result, ByteReader *fields)
{
        SshDevice *device = userdata;
        _cleanup_free_ char *why = NULL;
        KeyError error = KEY_E_IO;
        bool wrong;

        device->call = NULL;
        if (result == HELPER_OK) {
                end(device, SSH_DEVICE_DONE, fields, NULL, 0);
                return;
        }
        if (result == HELPER_FAILED) {
                why = byte_reader_string(fields, HELPER_TEXT_MAX);
                if (fields->size > 0)
                        error = byte_reader_u8(fields);
        }
        wrong = error == KEY_E_WRONG_PIN && device->pin && ++device->tries < PIN_TRIES;
        if ((error == KEY_E_PIN_REQUIRED && !device->pin) || wrong) {
                if (ask_pin(device, wrong ? why : NULL) < 0)
                        end(device, SSH_DEVICE_FAILED, NULL, NULL, KEY_E_IO);
                return;
        }
        end(device,
            error == KEY_E_NOT_FOUND                                  ? SSH_DEVICE_NOT_FOUND
            : error == KEY_E_CANCELLED || result == HELPER_DENIED ? SSH_DEVICE_REFUSED
                                                                      : SSH_DEVICE_FAILED,
            NULL, why, error);
}

static int run(SshDevice *device)
{
        _cleanup_(byte_writer_done) ByteWriter fields = BYTE_WRITER_NULL;
        int r;

        byte_writer_u8(&fields, device->enroll ? KEY_ENROLL : KEY_SIGN);
        byte_writer_string(&fields, device->key);
        byte_writer_blob(&fields, device->pin ? device->pin->data : NULL, device->pin ? device->pin->size : 0);
        byte_writer_blob(&fields, NULL, 0);
        byte_writer_blob(&fields, device->handle, device->handle_size);
        byte_writer_string(&fields, device->application);
        byte_writer_string(&fields, device->user);
        byte_writer_u32(&fields, device->given);
        byte_writer_u32(&fields, 0);
        byte_writer_blob(&fields, device->hash, sizeof(device->hash));
        if (fields.failed)
                return -ENOMEM;
        r = helper_call(device->daemon, HELPER_KEY, &fields, on_answer, device, &device->call);
        if (r >= 0)
                helper_call_on_progress(device->call, on_progress);
        return r;
}

static int copy(char **ret, const char *text)
{
        *ret = strdup(text ? text : "");
        return *ret ? 0 : -ENOMEM;
}

int ssh_device_start(Daemon *daemon, const SshDeviceRequest *request, SshDeviceDone done, void *userdata, SshDevice **ret)
{
        _cleanup_(ssh_device_cancelp) SshDevice *device = calloc(1, sizeof(*device));
        int r;

        if (request->handle_size > KEY_ID_MAX)
                return -EINVAL;
        if (!device)
                return -ENOMEM;
        device->daemon = daemon;
        device->caller = request->caller;
        device->enroll = request->enroll;
        device->given = request->given;
        device->done = done;
        device->userdata = userdata;
        if (request->handle_size > 0)
                memcpy(device->handle, request->handle, request->handle_size);
        device->handle_size = request->handle_size;
        memcpy(device->hash, request->hash, sizeof(device->hash));
        r = ask_about_copy(&device->about, &request->about);
        if (r >= 0)
                r = copy(&device->message, request->message);
        if (r >= 0)
                r = copy(&device->key, request->key);
        if (r >= 0)
                r = copy(&device->application, request->application);
        if (r >= 0)
                r = copy(&device->user, request->user);
        if (r >= 0 && request->pin)
                r = secret_new_from(&device->pin, request->pin->data, request->pin->size);
        if (r >= 0)
                r = run(device);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(device);
        return 0;
}
