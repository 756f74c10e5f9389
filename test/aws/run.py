"""Runs the test files that are named, and ends with how many tests passed and failed."""

import sys
import unittest

if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    broken = {test.id().split(" (")[0] if "subTest" not in test.id() else test.test_case.id() for test, _ in result.failures + result.errors}
    print(f"{max(0, result.testsRun - len(broken))} passed, {len(broken)} failed")
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
