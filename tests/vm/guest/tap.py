"""unittest's results as TAP, a line for each test when it is done."""
import time
import unittest


class Result(unittest.TestResult):
    def __init__(self, stream):
        super().__init__()
        self._stream = stream
        self._begun = time.monotonic()
        self.count = 0

    def _line(self, text):
        print(text, file=self._stream, flush=True)

    def _tell(self, good, test, directive=''):
        self.count += 1
        identity = test.id().split('.')
        words = (identity[0].removeprefix('test_') + ': ' + identity[-1].removeprefix('test_')).replace('_', ' ')
        self._line(f'{"ok" if good else "not ok"} {self.count} - {words}{directive}')

    def startTest(self, test):
        super().startTest(test)
        self._begun = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self._line(f'# {time.monotonic() - self._begun:.1f} s')

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell(True, test, f' # SKIP {reason}')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._trouble(test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._trouble(test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._trouble(subtest, (self.failures + self.errors)[-1][1])

    def _trouble(self, test, text):
        self._tell(False, test)
        for line in text.rstrip().split('\n'):
            self._line('# ' + line)

    def finish(self):
        self._line(f'1..{self.count}')
