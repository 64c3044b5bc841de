"""A relying party's page on http://localhost, and Chromium on it: ceremonies go in, what the browser says comes out.

    with Site() as site, Typist(account, pin) as typist:
        results = site.visit(account, ceremonies, seconds, typist)  # what each one was answered with, or {'error': …}

The browser's own dialogs are nothing that a page or its debugger reaches: Typist sits at a screen for them, which nobody sees.
"""
import http.server
import json
import os
import re
import threading

PAGE = '''<!DOCTYPE html><meta charset="utf-8"><title>Relying party</title><script>
const bytes = text => Uint8Array.fromBase64 ? Uint8Array.fromBase64(text, {alphabet: 'base64url'})
    : Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
function withPrf(options) {
    if (options.extensions?.prf?.eval) options.extensions.prf.eval.first = bytes(options.extensions.prf.eval.first);
    return options;
}
async function ceremony(wanted, made) {
    const options = withPrf(wanted.publicKey);
    options.challenge = bytes(options.challenge);
    if (wanted.kind === 'registration') {
        options.user.id = bytes(options.user.id);
        return await navigator.credentials.create({publicKey: options});
    }
    if (wanted.allow !== undefined)
        options.allowCredentials = [{type: 'public-key', id: made[wanted.allow].rawId, transports: ['usb']}];
    return await navigator.credentials.get({publicKey: options});
}
async function all() {
    const made = [];
    for (const wanted of await (await fetch('/ceremonies')).json()) {
        let told;
        try {
            const credential = await ceremony(wanted, made);
            made.push(credential);
            told = credential.toJSON();
        } catch (error) {
            made.push(null);
            told = {error: `${error.name}: ${error.message}`};
        }
        await fetch('/result', {method: 'POST', body: JSON.stringify(told)});
    }
}
window.onload = all;
</script>'''

# Nothing here is about security keys. A child that the emulated processor starts slowly is waited for.
FLAGS = ('--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
         '--disable-background-networking', '--disable-component-update', '--disable-sync', '--mute-audio', '--enable-logging=stderr', '--ipc-connection-timeout=600',
         '--vmodule=device_event_log*=1')


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _answer(self, content, kind):
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        if self.path == '/ceremonies':
            self._answer(json.dumps(self.server.ceremonies).encode(), 'application/json')
        else:
            self._answer(PAGE.encode(), 'text/html')

    def do_POST(self):
        self.server.results.append(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        self._answer(b'', 'text/plain')
        if len(self.server.results) == len(self.server.ceremonies):
            self.server.all_there.set()


class Site:
    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
        self._server.all_there = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.origin = f'http://localhost:{self._server.server_port}'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def visit(self, account, ceremonies, seconds, screen):
        """As many answers as there were within the time."""
        self._server.ceremonies, self._server.results = ceremonies, []
        self._server.all_there.clear()
        profile = os.path.join(account.home, 'chromium')
        process = account.spawn(['chromium', *FLAGS, f'--user-data-dir={profile}', *screen.options, self.origin],
                                env=screen.env)
        try:
            self._server.all_there.wait(seconds)
        finally:
            process.terminate()
            process.wait()
        return self._server.results


class Typist:
    """At a screen of its own: types the PIN when the browser's log says that it asks for one, and agrees to the rest."""

    AGREES = {'kSelectAccount', 'kSelectSingleAccount', 'kResidentCredentialConfirmation', 'kAttestationPermissionRequest'}
    DISPLAY = ':73'
    PAUSE = 3

    def __init__(self, account, pin):
        self.account, self.pin = account, pin
        self.env = {'DISPLAY': self.DISPLAY}
        self.options = ('--ozone-platform=x11', '--window-position=0,0', '--window-size=800,600')
        self._begin_screen()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._left.set()
        self._thread.join()

    def _begin_screen(self):
        """A browser that finds none ends at once."""
        reader, writer = os.pipe()
        self.account.spawn(['Xvfb', self.DISPLAY, '-screen', '0', '800x600x24', '-nolisten', 'tcp', '-displayfd', str(writer)],
                           pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            if not file.readline():
                raise AssertionError(f'Xvfb did not begin:\n{self.account.read_log()}')

    def _do(self, *arguments):
        self.account.run(['xdotool', *arguments], env=self.env, code=None)

    def _work(self):
        """What is typed while no window takes it is lost, so it is typed until the browser goes on."""
        while not self._left.wait(self.PAUSE):
            steps = re.findall(r'UI step: (\w+)', self.account.read_log())
            if steps and steps[-1] in {'kClientPinEntry', *self.AGREES}:
                self._do('mousemove', '400', '200')
            if steps and steps[-1] == 'kClientPinEntry':
                self._do('key', 'ctrl+a')
                self._do('type', '--delay', '50', self.pin)
                self._do('key', 'Return')
            elif steps and steps[-1] in self.AGREES:
                self._do('key', 'Return')
