#!/usr/bin/python3
"""Every function that pam_keyfob.so calls is made to fail by the fault gate, or can't fail, or is never called. Argument: the build directory.

So a call that is new in the module is either added to tests/unit/meson.build, or it stands here with a reason.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GATE = os.path.join(ROOT, 'tests', 'unit', 'meson.build')
BY_WORLD = {'pam_get_data', 'pam_set_data'}  # tests/unit/pam-world.c

# They have no way to say that they failed, or none that is not in their arguments.
CANNOT_FAIL = '''
_ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __assert_fail __ctype_b_loc __cxa_finalize __environ __errno_location
__gmon_start__ __stack_chk_fail _exit bcmp environ explicit_bzero getauxval getegid getenv geteuid getgid getpid getppid getuid kill memchr
memcmp memcpy memmove memset munmap qsort signal snprintf sscanf strcasecmp strchr strcmp strcpy strerror strlen strncmp strnlen strpbrk
strrchr strstr strtoull sysconf umask vsnprintf
close fclose ferror free fido_assert_free fido_cbor_info_free fido_dev_close fido_dev_free fido_dev_info_free eddsa_pk_free es256_pk_free
rs256_pk_free sd_bus_close_unref sd_bus_error_free sd_bus_flush_close_unref sd_bus_message_unref sd_bus_slot_unref
crypto_auth_hmacsha256_final crypto_auth_hmacsha256_init crypto_auth_hmacsha256_update crypto_hash_sha256_final crypto_hash_sha256_init
crypto_hash_sha256_update crypto_hash_sha512 sodium_memzero
fido_assert_clientdata_hash_len fido_assert_clientdata_hash_ptr fido_assert_hmac_secret_ptr fido_assert_id_len fido_assert_id_ptr
fido_assert_rp_id fido_cbor_info_aaguid_len fido_cbor_info_aaguid_ptr fido_dev_io_handle fido_init fido_strerr
sd_bus_error_get_errno sd_bus_error_is_set sd_bus_error_set sd_bus_message_get_errno sd_bus_message_get_error sd_bus_message_ref
'''
# Their answers are not looked at: a buffer that can't be locked is a buffer, and a log is a log.
NOT_LOOKED_AT = 'madvise mlock pam_syslog unlink'
# What the client library can do besides: starting keyfobd, the session bus, answering questions, and reading what nobody asks for.
NOT_CALLED = '''
chdir close_range dup2 execve fcntl getpwuid mkdir readlink setsid sigaction sigemptyset sigprocmask
sd_bus_creds_get_euid sd_bus_creds_get_unique_name sd_bus_creds_unref sd_bus_get_name_creds sd_bus_open_user
sd_bus_add_object_vtable sd_bus_call_async sd_bus_message_new_method_return sd_bus_object_vtable_format sd_bus_reply_method_return
sd_bus_send sd_bus_message_append sd_bus_message_append_array_space sd_bus_message_close_container sd_bus_message_enter_container
sd_bus_message_exit_container sd_bus_message_open_container sd_bus_message_peek_type sd_bus_message_read_basic sd_bus_message_skip
'''


def plain(name):
    """As it is in the source: without what the compiler makes of it."""
    name = re.sub(r'^__(?:isoc\d+_)?(\w+?)_chk$', r'\1', name.split('@')[0])
    return re.sub(r'64$', '', re.sub(r'^__isoc\d+_', '', name)) if not name.startswith('_ITM') else name


def main():
    module = os.path.join(sys.argv[1], 'pam', 'pam_keyfob.so')
    if not os.path.exists(module):
        print('the PAM module is not built')
        return 77
    listed = subprocess.run(['nm', '--dynamic', '--undefined-only', module], stdout=subprocess.PIPE, encoding='utf-8', check=True).stdout
    calls = {plain(line.split()[-1]) for line in listed.splitlines()}
    with open(GATE, encoding='utf-8') as file:
        gate = file.read()
    gate = gate[gate.index('fail_calls = []'):gate.index('fail_bus_dep =')]
    fails = {plain(name) for name in re.findall(r"'(\w+)'", gate)} | BY_WORLD
    explained = {name for names in (CANNOT_FAIL, NOT_LOOKED_AT, NOT_CALLED) for name in names.split()}
    problems = [f'{name}: pam_keyfob.so calls it, and no test has it fail' for name in sorted(calls - fails - explained)]
    problems += [f'{name}: it fails in a test, and is in {os.path.basename(__file__)}' for name in sorted(fails & explained)]
    print('\n'.join(problems) or f'{len(calls)} functions, {len(calls & fails)} of them fail in tests')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
