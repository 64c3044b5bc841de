#!/usr/bin/python3
"""keyfob fido2: what it gives the program, and what it says when it can't."""
import os
import shutil

import fido_bridge
import fido_key
import keyfob_test as kt


class Fido2(kt.KeyfobTest):
    def setUp(self):
        fido_bridge.skip_unless_built()
        super().setUp()
        self.sandbox.use_pinentry(None)
        self.socket = fido_key.socket_path(self.sandbox)
        self.preload = os.path.realpath(fido_bridge.preload())

    def seen(self, *names, **env):
        """The variables as the program has them."""
        script = ''.join(f'echo "${name}";' for name in names)
        return self.keyfob('fido2', '--', 'sh', '-c', script, env=env).stdout.decode().splitlines()

    def test_daemon_is_started(self):
        self.assertFalse(os.path.exists(self.socket))
        self.assertEqual(self.seen('LD_PRELOAD', 'KEYFOB_CTAP_SOCKET'), [self.preload, self.socket])
        self.assertIsNotNone(kt.peer_pid(self.sandbox.socket))

    def test_no_daemon_is_started_for_a_named_socket(self):
        self.assertEqual(self.seen('KEYFOB_CTAP_SOCKET', KEYFOB_CTAP_SOCKET='/named'), ['/named'])
        self.assertIsNone(kt.peer_pid(self.sandbox.socket))

    def test_preloads_that_are_there_come_after_it_and_it_comes_once(self):
        for before, after in (('libm.so.6', f'{self.preload}:libm.so.6'), ('', self.preload),
                              ('libm.so.6 libdl.so.2', f'{self.preload}:libm.so.6 libdl.so.2'),
                              (f'libm.so.6:{self.preload}', f'libm.so.6:{self.preload}')):
            if not kt.sanitized() or 'libm' not in before:  # its runtime wants to be first
                with self.subTest(before):
                    self.assertEqual(self.seen('LD_PRELOAD', LD_PRELOAD=before), [after])

    def test_exit_status_is_the_commands(self):
        self.keyfob('fido2', '--', 'sh', '-c', 'exit 42', code=42)
        self.keyfob('fido2', 'sh', '-c', 'kill -9 $$', code=-9)
        result = self.keyfob('fido2', '--', 'no-such-command', code=127)
        self.assertOneLine(result.stderr, 'no-such-command')
        result = self.keyfob('fido2', '--', '/etc/passwd', code=126)
        self.assertOneLine(result.stderr, '/etc/passwd')

    def test_usage(self):
        for arguments in ((), ('--',), ('--print', 'fido2-token'), ('--nothing', 'true')):
            with self.subTest(arguments):
                self.keyfob('fido2', *arguments, code=2)
        self.assertFalse(os.path.exists(self.socket))

    def test_daemon_out_of_reach(self):
        env = {'XDG_RUNTIME_DIR': os.path.join(self.sandbox.root, 'r' * 120)}
        result = self.keyfob('fido2', '--', 'true', env=env, code=5)
        self.assertOneLine(result.stderr, 'XDG_RUNTIME_DIR')

    def copy(self, directory, *files):
        """The installed programs in a place of their own."""
        relative = os.path.relpath(self.sandbox.stage.bindir, self.sandbox.stage.prefix)
        target = os.path.join(self.sandbox.root, directory)
        for file in (self.sandbox.stage.keyfob, *files):
            path = os.path.join(target, os.path.relpath(file, self.sandbox.stage.prefix))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(file, path)
        return os.path.join(target, relative, 'keyfob'), target

    def test_bridge_that_is_not_installed(self):
        program, _ = self.copy('without')
        if os.path.exists(self.sandbox.stage.libdir.removeprefix(self.sandbox.stage.destdir) + '/keyfob'):
            self.skipTest('a bridge is installed on this machine')
        result = self.sandbox.run([program, 'fido2', '--', 'true'], code=8)
        self.assertOneLine(result.stderr, 'libkeyfob-fido2-bridge.so', 'not installed')

    def test_bridge_is_found_beside_the_program(self):
        program, target = self.copy('with', fido_bridge.preload())
        result = self.sandbox.run([program, 'fido2', '--', 'sh', '-c', 'echo $LD_PRELOAD'],
                                  env={'KEYFOB_CTAP_SOCKET': '/none'})
        self.assertTrue(result.stdout.decode().startswith(os.path.realpath(target) + '/'), result.stdout)

    def test_path_that_ld_preload_cannot_name(self):
        for name in ('with blank', 'with:colon', 'with$dollar'):
            with self.subTest(name):
                program, _ = self.copy(name, fido_bridge.preload())
                result = self.sandbox.run([program, 'fido2', '--', 'true'], env={'KEYFOB_CTAP_SOCKET': '/none'}, code=8)
                self.assertOneLine(result.stderr, 'LD_PRELOAD', name)

    def test_bridge_that_others_may_write_is_not_used(self):
        program, target = self.copy('loose', fido_bridge.preload())
        path = os.path.join(target, os.path.relpath(fido_bridge.preload(), self.sandbox.stage.prefix))
        os.chmod(path, 0o666)
        result = self.sandbox.run([program, 'fido2', '--', 'true'], env={'KEYFOB_CTAP_SOCKET': '/none'}, code=8)
        self.assertOneLine(result.stderr, 'not installed')

    def test_printed_line_works_in_each_shell(self):
        odd = os.path.join(self.sandbox.root, "it's $HOME; \"odd\" (100%)")
        for shell, option, command in (('bash', '--sh', 'eval $(keyfob fido2 --print)'), ('dash', '--sh', None),
                                       ('zsh', '--sh', None), ('fish', '--fish', None), ('tcsh', '--csh', None)):
            program = fido_bridge.find(shell)
            if not program:
                continue
            command = command or f'eval "`keyfob fido2 --print {option}`"'
            if shell == 'fish':
                command = 'keyfob fido2 --fish | source'
            with self.subTest(shell):
                result = self.sandbox.run([program, '-c', f'{command}; /usr/bin/env'], env={'KEYFOB_CTAP_SOCKET': odd})
                lines = result.stdout.decode().splitlines()
                self.assertIn(f'KEYFOB_CTAP_SOCKET={odd}', lines)
                self.assertIn(f'LD_PRELOAD={self.preload}', lines)

    @kt.not_sanitized
    def test_daemon_that_is_started_has_no_bridge(self):
        """What asks for the password is a child of the helper, which is a child of the daemon."""
        shown = os.path.join(self.sandbox.root, 'environment')
        self.sandbox.use_pinentry(self.sandbox.write('pinentry-env', f'#!/bin/sh\nenv > {shown}.new\n'
                                                     f'mv {shown}.new {shown}\nexit 1\n', mode=0o700))
        env = {'LD_PRELOAD': self.preload}
        self.keyfob('init', '--kdf-memory', '64', '--kdf-passes', '3', '--password-file',
                    self.sandbox.write('password', 'pass word'), env=env)
        self.keyfob('lock', env=env)
        self.keyfob('unlock', env={**env, 'DISPLAY': ':99'}, code=None)
        with open(shown, encoding='utf-8') as file:
            self.assertNotIn('LD_PRELOAD', file.read())


if __name__ == '__main__':
    kt.main()
