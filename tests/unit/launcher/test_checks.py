from launcher.checks import Outcome, clean_environment, first_failure


def test_the_code_is_that_of_the_first_failure():
    outcomes = [Outcome("ruff", 0, 1.0), Outcome("mypy", 2, 1.0), Outcome("pytest", 1, 1.0)]

    assert first_failure(outcomes) == 2


def test_no_failure_is_success():
    assert first_failure([Outcome("ruff", 0, 1.0)]) == 0


def test_no_test_can_reach_a_running_sibol():
    environment = {"PATH": "/bin", "SIBOL_DATABASE_URL": "a", "SIBOL_TEST_DATABASE_URL": "b"}

    assert clean_environment(environment) == {"PATH": "/bin", "SIBOL_TEST_DATABASE_URL": "b"}
