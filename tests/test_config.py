"""Where a value comes from, and what a value may be."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import config
from fanlight.config.origin import line_of
from fanlight.errors import ConfigError


@pytest.fixture
def home(tmp_path):
    """A user of their own: nothing of the machine's user is read."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home")}


def project(tmp_path, text, name="fanlight.toml"):
    folder = tmp_path / "project"
    (folder / "deep" / "er").mkdir(parents=True, exist_ok=True)
    (folder / ".git").mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / "deep" / "er")


def user(home, text):
    path = Path(config.user_file(home))
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_without_anything_set_every_value_is_the_default(home, tmp_path):
    settings = config.load(environ=home, directory=str(tmp_path))
    assert {origin for _, _, origin in settings} == {"default"}
    assert settings["data"] == f"{home['HOME']}/.local/share/fanlight"
    assert settings["socket"] == f"{settings['data']}/run/collector.sock"
    assert settings["store"] == f"duckdb:{settings['data']}/store"
    assert str(settings["listen"]) == "127.0.0.1:7700"


def test_a_flag_wins_over_environment_over_project_over_user_over_default(home, tmp_path):
    user(home, 'service = "user"\nsample = 0.5\n[store]\nspans_per_s = 1\n')
    here = project(tmp_path, 'service = "project"\nstore.spans_per_s = 2\n')
    environ = home | {"FANLIGHT_SERVICE": "environment"}
    chosen = config.load({"service": "flag"}, environ, here)
    assert (chosen["service"], chosen.origin("service")) == ("flag", "--service")
    assert config.load({}, environ, here)["service"] == "environment"
    settings = config.load({}, home, here)
    assert settings["service"] == "project"
    assert settings["store.spans_per_s"] == 2
    assert settings.origin("store.spans_per_s").endswith("project/fanlight.toml:2")
    assert settings["sample"] == 0.5
    assert settings.origin("sample") == f"{config.user_file(home)}:2"


def test_pyproject_holds_the_same_keys_in_its_tool_table(home, tmp_path):
    here = project(tmp_path, '[tool.fanlight]\nservice = "shop"\n', "pyproject.toml")
    assert config.load({}, home, here)["service"] == "shop"


def test_the_search_upward_ends_at_the_repository_root(home, tmp_path):
    (tmp_path / "fanlight.toml").write_text('service = "outside"')
    assert config.load({}, home, project(tmp_path, "", "README"))["service"] == ""


def test_an_environment_section_is_chosen_by_name(home, tmp_path):
    here = project(tmp_path, 'service = "a"\n[env.staging]\nservice = "b"\n')
    assert config.load({}, home, here)["service"] == "a"
    assert config.load({}, home | {"FANLIGHT_ENV": "staging"}, here)["service"] == "b"


@pytest.mark.parametrize(
    "line",
    [
        'data = "/tmp/x"',
        'store = "duckdb:/x"',
        'socket = "/x"',
        'listen = "0.0.0.0:1"',
        'dsn = "unix:///x"',
        'trust = "/"',
    ],
)
def test_a_projects_file_is_data_only(home, tmp_path, line):
    with pytest.raises(ConfigError, match=r"project's file to set unasked"):
        config.load({}, home, project(tmp_path, line))


def test_a_projects_file_may_choose_a_loopback_port(home, tmp_path):
    assert config.load({}, home, project(tmp_path, 'listen = "127.0.0.1:7800"'))["listen"][1] == 7800


def test_a_trusted_projects_file_may_set_everything(home, tmp_path):
    here = project(tmp_path, 'data = "state"')
    user(home, f'trust = ["{tmp_path}/project"]')
    assert config.load({}, home, here)["data"] == f"{tmp_path}/project/state"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FANLIGHT_SERVCE": "x"}, "did you mean 'FANLIGHT_SERVICE'"),
        ({"FANLIGHT_LISTEN": "7700"}, "expected HOST:PORT"),
        ({"FANLIGHT_SAMPLE": "2"}, "expected a number from 0 to 1"),
        ({"FANLIGHT_SPOOL__MAX_BYTES": "infGB"}, "expected a size"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_teaches(home, environ, message):
    with pytest.raises(ConfigError, match=message):
        config.load({}, home | environ)


def test_an_unknown_key_in_a_file_is_an_error_with_the_nearest_name(home, tmp_path):
    with pytest.raises(ConfigError, match=r"fanlight\.toml:2; did you mean 'store\.spans_per_s'"):
        config.load({}, home, project(tmp_path, "[store]\nspans_per_sec = 1"))


def test_broken_toml_names_its_file_and_line(home, tmp_path):
    with pytest.raises(ConfigError, match=r"project/fanlight\.toml is no TOML: .*line 2"):
        config.load({}, home, project(tmp_path, 'service = "x"\n= 3'))


def test_variables_that_a_container_platform_sets_are_not_ours(home):
    announced = {"FANLIGHT_PORT": "tcp://10.0.0.1:80", "FANLIGHT_SERVICE_HOST": "10.0.0.1"}
    assert config.load({}, home | announced)["service"] == ""


def test_a_child_that_gets_the_environment_sees_the_same_settings(home, tmp_path):
    here = project(tmp_path, 'service = "shop"\nspool.max_bytes = "64MB"\nlisten = "[::1]:0"')
    settings = config.load({"data": str(tmp_path / "data")}, home, here)
    again = config.load({}, home | settings.environment(), "/")
    assert [(name, value) for name, value, _ in again] == [(name, value) for name, value, _ in settings]


def test_no_home_directory_is_said_and_not_guessed(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ConfigError, match="--data DIR"):
        config.data_directory({})


@given(st.text())
def test_any_text_is_an_address_or_an_error(text):
    try:
        address = config.read_address(text)
    except ValueError:
        return
    assert config.read_address(str(address)) == address


@given(st.text())
def test_any_text_is_a_size_or_an_error(text):
    try:
        assert config.read("spool.max_bytes", text, "") >= 0
    except ConfigError:
        return


@pytest.mark.parametrize(
    ("text", "size"), [("1048576", 1 << 20), ("64MB", 64_000_000), ("1GiB", 1 << 30), ("1.5k", 1500)]
)
def test_sizes_are_written_with_units(text, size):
    assert config.read_bytes(text) == size


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host, loopback):
    assert config.is_loopback(host) is loopback


def test_every_variable_that_the_code_reads_is_known():
    written = {
        name
        for path in Path(config.__file__).parent.parent.rglob("*.py")
        for name in re.findall(r"[\"'](FANLIGHT_[A-Z_]+[A-Z])\b", path.read_text())
    }
    names = {config.variable(name) for name in config.KEYS} | set(config.VARIABLES) | set(config.FOREIGN)
    assert {name for name in written - names if not name.startswith(config.INTERNAL)} == set()


def test_the_module_costs_an_application_nothing_but_itself():
    code = "import sys; before = set(sys.modules); import fanlight.config; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in eval(done.stdout) if not name.startswith("fanlight")} <= {"__future__"}


def test_what_run_tells_its_program_is_no_setting_of_commands_inside_it(home, tmp_path):
    inside = home | {
        "FANLIGHT_SOCKET": "/first/run/collector.sock",
        "FANLIGHT_INTERNAL_INJECT": "/first/run/inject",
    }
    settings = config.load({"data": "/second"}, inside, str(tmp_path))
    assert settings["socket"] == "/second/run/collector.sock"
    del inside["FANLIGHT_INTERNAL_INJECT"]
    assert config.load({}, inside, str(tmp_path))["socket"] == "/first/run/collector.sock"


SECTIONS = """
service = "shop"
store.retention_days = 7
[store]
spans_per_s = 10

[env.production]
service = "shop-live"
[env.production.store]
spans_per_s = 20
[env.staging]
sample = 0.5
"""


def test_a_chosen_section_beats_the_root_merges_tables_and_leaves_the_rest(home, tmp_path):
    text = SECTIONS.replace("store.retention_days = 7\n", "").replace(
        "[store]", "[store]\nretention_days = 7"
    )
    settings = config.load({}, home | {"FANLIGHT_ENV": "production"}, project(tmp_path, text))
    assert settings["service"] == "shop-live"
    assert settings["store.spans_per_s"] == 20
    assert settings["store.retention_days"] == 7
    assert settings["sample"] == 1.0


def test_every_section_stays_readable_by_its_full_name(home, tmp_path):
    text = SECTIONS.replace("store.retention_days = 7\n", "")
    settings = config.load({}, home | {"FANLIGHT_ENV": "production"}, project(tmp_path, text))
    assert settings["env.production.store.spans_per_s"] == 20
    assert settings["env.staging.sample"] == 0.5
    assert settings.section_names() == ["production", "staging"]
    with pytest.raises(KeyError):
        settings["env.staging.service"]


def test_a_variable_beats_the_chosen_section_and_merges_into_its_table(home, tmp_path):
    text = SECTIONS.replace("store.retention_days = 7\n", "")
    chosen = {"FANLIGHT_ENV": "production", "FANLIGHT_STORE__MAX_BYTES": "1GB", "FANLIGHT_SERVICE": "x"}
    settings = config.load({}, home | chosen, project(tmp_path, text))
    assert settings["service"] == "x"
    assert (settings["store.max_bytes"], settings["store.spans_per_s"]) == (10**9, 20)


def test_a_variable_without_our_prefix_changes_nothing(home):
    assert config.load({}, home | {"SERVICE": "x", "MY_FANLIGHT_SERVICE": "y"})["service"] == ""


def test_what_is_set_to_nothing_stays_nothing(home, tmp_path):
    here = project(tmp_path, "sample = 0\nleave_after_s = 0\n")
    settings = config.load({}, home, here)
    assert (settings["sample"], settings["leave_after_s"]) == (0, 0)
    assert settings.is_set("sample")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leave_after_s = -1", "-1' is no value of 'leave_after_s'; expected a whole number"),
        (
            'leave_after_s = "5"',
            "'5' is no value of 'leave_after_s'; expected a whole number, without quotes",
        ),
        ("leave_after_s = true", "True is no value"),
        ("sample = 1.5", "expected a number from 0 to 1"),
        ("service = 5", "5 is no value of 'service'; expected text"),
        ("[env]\nproduction = 5", "sections are tables: [env.production]"),
        ("env = 5", "sections are tables: [env.production]"),
        ("[env.other]\nservce = 5", "unknown key 'servce'"),
        ("[env.other]\nservce = 5", "did you mean 'service'"),
        ("[env.other]\ndata = '/x'", "not for a project's file to set unasked"),
        ("[service]\nname = 'x'", "unknown key 'service.name'"),
    ],
)
def test_a_fault_in_a_file_is_told_with_its_line(home, tmp_path, line, words):
    here = project(tmp_path, f"\n# ours\n{line}\n")
    number = 3 + line.count("\n")
    with pytest.raises(ConfigError) as caught:
        config.load({}, home, here)
    assert words in str(caught.value)
    assert f"project/fanlight.toml:{number}" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["tool = 5", "[tool]\nfanlight = 5  # tool.fanlight", "[[tool.fanlight]]\nservice = 'x'"]
)
def test_a_table_of_ours_that_is_none_is_an_error_and_no_crash(home, tmp_path, text):
    here = project(tmp_path, f"# tool.fanlight\n{text}\n", "pyproject.toml")
    with pytest.raises(ConfigError, match="is a table of settings"):
        config.load({}, home, here)


def test_a_token_may_stand_only_in_a_file_that_nobody_else_reads(home):
    user(home, 'dsn = "https://tokentoken@fanlight.example:7700"')
    path = Path(config.user_file(home))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        config.load({}, home)
    assert "tokentoken" not in str(caught.value)
    path.chmod(0o600)
    settings = config.load({}, home)
    assert settings["dsn"].startswith("https://tokentoken@")
    assert settings.shown("dsn") == settings.plain("dsn") == "https://<redacted>@fanlight.example:7700"


LINES = """\
# a comment = 1
service = "x"

"sample" = 1.0
trust = [
  "/a",
  "[store]",
]
[store]  # a table
max_bytes = "1GB"
retention_days.x = 3
about = '''
[env.production]
sample = 3
'''
[env.production]
sample = 2
[tool . fanlight]
service="y"
"""


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("service", 2),
        ("sample", 4),
        ("trust", 5),
        ("store.max_bytes", 10),
        ("store.retention_days.x", 11),
        ("store.about", 12),
        ("env.production.sample", 17),
        ("tool.fanlight.service", 19),
        ("nowhere", 0),
    ],
)
def test_the_line_of_a_value_is_found_whatever_its_form(written, line):
    assert line_of(LINES, written) == line


def test_telemetry_is_on_and_every_five_seconds(home, tmp_path):
    settings = config.load(environ=home, directory=str(tmp_path))
    found = {name: value for name, value, _ in settings if name.startswith("telemetry.")}
    assert (found["telemetry.enabled"], found["telemetry.sockets"]) == (True, True)
    assert (found["telemetry.initial_delay_s"], found["telemetry.frequency_s"]) == (5.0, 5.0)
    assert found["telemetry.metrics"][:2] == ("workers.booted", "workers.total")


def test_telemetry_is_set_in_a_table_or_in_the_environment(home, tmp_path):
    here = project(
        tmp_path,
        '[telemetry]\nenabled = false\nfrequency_s = 0.2\nmetrics = ["queue.backlog", "workers.booted"]\n',
    )
    settings = config.load({}, home | {"FANLIGHT_TELEMETRY__SOCKETS": "off"}, here)
    assert (settings["telemetry.enabled"], settings["telemetry.sockets"]) == (False, False)
    assert settings["telemetry.frequency_s"] == 0.2
    assert settings["telemetry.metrics"] == ("queue.backlog", "workers.booted")
    assert config.load({}, home | settings.environment(), str(tmp_path))["telemetry.enabled"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('metrics = ["queue.backlogs"]', "did you mean 'queue.backlog'"),
        ("frequency_s = 0", "seconds, at least 0.1"),
        ("frequency_s = true", "seconds, at least 0.1"),
        ("enabled = 1", "true or false"),
        ('sockets = "no"', "true or false, without quotes"),
        ("frequency = 5", "did you mean 'telemetry.frequency_s'"),
    ],
)
def test_a_mistake_in_telemetry_is_an_error_at_the_start(home, tmp_path, text, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        config.load({}, home, project(tmp_path, f"[telemetry]\n{text}\n"))
