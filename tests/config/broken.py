"""Broken configurations, each with a mark (§) just before the place that the problem names."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEMS = """
systems:
  devrev: {type: devrev, token: "${DEVREV_TOKEN}"}
  datadog: {type: datadog, site: datadoghq.eu, api_key: "${DD_API_KEY}", app_key: "${DD_APP_KEY}"}
  status: {type: prodmanager, url: https://status.example.com, token: "${PRODMANAGER_TOKEN}"}
"""
ENVIRON = {
    "DEVREV_TOKEN": "t-devrev",
    "DD_API_KEY": "t-api",
    "DD_APP_KEY": "t-app",
    "PRODMANAGER_TOKEN": "t-status",
    "EMPTY": "",
}


@dataclass(frozen=True)
class Broken:
    """A text with one mistake, and what is to be said of it."""

    name: str
    text: str
    code: str
    path: str
    message: str
    hint: str

    @property
    def whole(self) -> str:
        """The text, with systems below unless it names its own."""
        complete = "systems:" in self.text or (self.code == "E103" and not self.path)
        return self.text if complete else self.text + SYSTEMS


CASES = (
    Broken("typo in a top key", "§evry: 60s", "E102", "evry", 'unknown key "evry"', '"every"'),
    Broken(
        "typo in a section", "limits: {§create: 1}", "E102", "limits.create", "unknown", '"creates"'
    ),
    Broken(
        "unknown key like nothing",
        "§zzz: 1",
        "E102",
        "zzz",
        'unknown key "zzz"',
        "valid: ledger, every",
    ),
    Broken("on: is a key like any other", "§on: 1", "E102", "on", 'unknown key "on"', "valid:"),
    Broken(
        "typo that explains the missing key",
        "systems:\n  a: {type: datadog, §sight: x, api_key: '${EMPTY_NOT}', app_key: file:nowhere}",
        "E102",
        "systems.a.sight",
        'unknown key "sight"',
        'did you mean "site"?',
    ),
    Broken("number without unit", "every: §60", "E108", "every", "60 has no unit", '"60s"'),
    Broken("duration of nothing", "every: §0s", "E108", "every", "duration of nothing", "60s"),
    Broken("bad duration", "stop_within: §soon", "E108", "stop_within", "not a duration", "5m"),
    Broken("no sweep", "full_sweep_every: §off", "E108", "full_sweep_every", "switched off", "1h"),
    Broken(
        "share of many", "limits: {share: §30}", "E109", "limits.share", "at most 100%", '"30%"'
    ),
    Broken("bad share", "limits: {share: §third}", "E109", "limits.share", "not a share", "0.3"),
    Broken(
        "text for a number", "limits: {creates: §many}", "E107", "limits.creates", "whole", "25"
    ),
    Broken(
        "negative", "limits: {creates: §-1}", "E112", "limits.creates", "greater than or equal", ""
    ),
    Broken(
        "one word for a mapping",
        "limits: §25",
        "E107",
        "limits",
        "must be a mapping",
        "{key: value}",
    ),
    Broken("bad page", "page: §ful", "E110", "page", '"page" cannot be "ful"', '"full"'),
    Broken("bad level", "log: {level: §loud}", "E110", "log.level", "cannot", "valid: debug, info"),
    Broken("bad listen", "listen: §here:x", "E113", "listen", "listen on", "127.0.0.1:8080"),
    Broken("port too high", "listen: §70000", "E113", "listen", "listen on", "127.0.0.1:8080"),
    Broken("bad ledger", "ledger: §mysql://x/y", "E113", "ledger", "database", "sqlite:///"),
    Broken("tab", "limits:\n§\tcreates: 1", "E103", "", "a tab", "indent with spaces"),
    Broken("open quote", "every: '60s§", "E103", "", "end of stream", "not closed"),
    Broken("open bracket", "log: {level: info\npage§: off", "E103", "", "expected", "comma"),
    Broken("two documents", "every: 60s\n§---\npage: off", "E103", "", "document", '"---"'),
    Broken("control character", "every: §\x07", "E103", "", "U+0007", "take it out"),
    Broken("alias to nothing", "every: §*t0ken", "E103", "", "undefined alias", "quotes"),
    Broken("foreign tag", "every: §!env X", "E103", "every", "!env", "${NAME}"),
    Broken("endless alias", "create: §&a {x: *a}", "E103", "create.x", "holds itself", "write"),
    Broken("duplicate key", "every: 60s\n§every: 30s", "E104", "every", "twice", "first on line 1"),
    Broken(
        "duplicate key, deep",
        "log: {level: info, §level: info}",
        "E104",
        "log.level",
        "twice",
        "line 1",
    ),
    Broken(
        "no type",
        "systems: {§a: {url: 'https://x'}}",
        "E106",
        "systems.a.type",
        "missing",
        "devrev",
    ),
    Broken(
        "bad type", "systems: {a: {type: §devrew}}", "E110", "systems.a.type", "devrew", '"devrev"'
    ),
    Broken(
        "prodmanager without url",
        "systems: {§a: {type: prodmanager, token: '${DEVREV_TOKEN}'}}",
        "E106",
        "systems.a.url",
        '"url" is missing',
        "a prodmanager system",
    ),
    Broken(
        "no token",
        "systems: {§a: {type: devrev}}",
        "E106",
        "systems.a.token",
        '"token" is missing',
        "devrev",
    ),
    Broken("no systems", "systems: §{}", "E106", "systems", "no system", "at least two"),
    Broken("systems as a list", "systems: §[devrev]", "E107", "systems", "mapping", "{key: value}"),
    Broken(
        "bad name of a system",
        "systems: {§Dev: {type: devrev, token: '${DEVREV_TOKEN}'}}",
        "E111",
        "systems.Dev",
        '"Dev" cannot be a name',
        "a small letter",
    ),
    Broken(
        "name that is a key of a field",
        "systems: {§type: {type: devrev, token: '${DEVREV_TOKEN}'}}",
        "E111",
        "systems.type",
        "a key of a field",
        "another name",
    ),
    Broken(
        "unknown site",
        "systems: {a: {type: datadog, site: §datadoghq.uk, api_key: '${DD_API_KEY}', "
        "app_key: '${DD_APP_KEY}'}}",
        "E110",
        "systems.a.site",
        "not a site of Datadog",
        '"datadoghq.eu"',
    ),
    Broken(
        "no site",
        "systems: {§a: {type: datadog, api_key: '${DD_API_KEY}', app_key: '${DD_APP_KEY}'}}",
        "E106",
        "systems.a.site",
        '"site" is missing',
        "datadoghq.com",
    ),
    Broken(
        "url without scheme",
        "systems: {a: {type: devrev, url: §api.devrev.ai, token: '${DEVREV_TOKEN}'}}",
        "E113",
        "systems.a.url",
        "not a web address",
        "https://",
    ),
    Broken(
        "user in the url",
        "systems: {a: {type: devrev, url: §'https://u:p@x.org', token: '${DEVREV_TOKEN}'}}",
        "E113",
        "systems.a.url",
        "a user in it",
        "keys",
    ),
    Broken(
        "unknown zone",
        "systems: {a: {type: prodmanager, url: 'https://x', token: '${DEVREV_TOKEN}', "
        "timezone: §Europe/Pari}}",
        "E114",
        "systems.a.timezone",
        "not a time zone",
        '"Europe/Paris"',
    ),
    Broken(
        "rate of nothing",
        "systems: {a: {type: devrev, rate: §0%, token: '${DEVREV_TOKEN}'}}",
        "E109",
        "systems.a.rate",
        "more than 0%",
        "30%",
    ),
    Broken(
        "token that is a number",
        "systems: {a: {type: devrev, token: §12345}}",
        "E107",
        "systems.a.token",
        '"token" must be text',
        "quotes",
    ),
    Broken(
        "empty token",
        "systems: {a: {type: devrev, token: §''}}",
        "E107",
        "systems.a.token",
        '"token"',
        "",
    ),
    Broken(
        "flag that is none",
        "systems: {a: {type: devrev, writable: §maybe, token: '${DEVREV_TOKEN}'}}",
        "E107",
        "systems.a.writable",
        "true or false",
        "",
    ),
    Broken(
        "variable that is not set",
        "systems: {a: {type: devrev, token: §'${NOWHERE}'}}",
        "E131",
        "systems.a.token",
        "NOWHERE is not set",
        "export NOWHERE=",
    ),
    Broken(
        "variable that is empty",
        "systems: {a: {type: devrev, token: §'${EMPTY}'}}",
        "E131",
        "systems.a.token",
        "EMPTY is set but empty",
        "file:PATH",
    ),
    Broken(
        "variable inside a text",
        "ledger: §postgresql://u:${DD_API_KEY}@h/x",
        "E133",
        "ledger",
        "inside a longer text",
        'the whole value "${DD_API_KEY}"',
    ),
    Broken(
        "variable without braces",
        "systems: {a: {type: devrev, token: §$DEVREV_TOKEN}}",
        "E133",
        "systems.a.token",
        "$DEVREV_TOKEN",
        'write "${DEVREV_TOKEN}"',
    ),
    Broken(
        "credential by its path",
        "systems: {a: {type: devrev, token: §$CREDENTIALS_DIRECTORY/devrev}}",
        "E133",
        "systems.a.token",
        "$CREDENTIALS_DIRECTORY",
        '"credential:devrev"',
    ),
    Broken(
        "credential outside systemd",
        "systems: {a: {type: devrev, token: §credential:devrev}}",
        "E131",
        "systems.a.token",
        "CREDENTIALS_DIRECTORY is not set",
        "LoadCredential=devrev",
    ),
    Broken(
        "credential that climbs",
        "systems: {a: {type: devrev, token: §'credential:../x'}}",
        "E133",
        "systems.a.token",
        "one plain name",
        "file:PATH",
    ),
    Broken(
        "secret file that is not there",
        "systems: {a: {type: devrev, token: §'file:no/such'}}",
        "E132",
        "systems.a.token",
        "file:no/such cannot be read",
        "looked at",
    ),
    Broken(
        "unknown system in create",
        "create: {§devrew: {}}",
        "E115",
        "create.devrew",
        "devrew",
        '"devrev"',
    ),
    Broken(
        "unknown system in from",
        "create: {devrev: {from: [datadog, §state]}}",
        "E115",
        "create.devrev.from.1",
        'unknown system "state"',
        '"status"',
    ),
    Broken(
        "own incidents",
        "create: {devrev: {from: [§devrev]}}",
        "E120",
        "create.devrev.from.0",
        "its own incidents",
        "the others",
    ),
    Broken(
        "empty from", "create: {devrev: {from: §[]}}", "E107", "create.devrev.from", '"from"', ""
    ),
    Broken(
        "nothing behind create",
        "create: {devrev:§ }",
        "E107",
        "create.devrev",
        "mapping",
        "{key: value}",
    ),
    Broken(
        "unknown field in when",
        "create: {devrev: {when: {§severty: high}}}",
        "E116",
        "create.devrev.when.severty",
        'unknown field "severty"',
        '"severity"',
    ),
    Broken(
        "unknown value in when",
        "create: {devrev: {when: {severity: §[high, urgent]}}}",
        "E117",
        "create.devrev.when.severity",
        '"severity" is never "urgent"',
        "valid: critical, high, moderate, low, minor",
    ),
    Broken(
        "prodmanager without scope and service",
        "create: {§status: {}}",
        "E106",
        "create.status.set",
        "is missing",
        "set: {scope: ..., service: ...}",
    ),
    Broken(
        "prodmanager without scope",
        "create: {status: {§set: {service: Checkout}}}",
        "E106",
        "create.status.set.scope",
        '"set.scope" is missing',
        "ProdManager needs",
    ),
    Broken(
        "field without type",
        "fields: {§region: {devrev: {path: x}}}",
        "E106",
        "fields.region.type",
        '"type" is missing',
        "valid: line, text, choice",
    ),
    Broken(
        "bad type of a field",
        "fields: {a: {type: §chioce}}",
        "E110",
        "fields.a.type",
        "chioce",
        '"choice"',
    ),
    Broken(
        "nothing behind a field", "fields: {title:§ }", "E107", "fields.title", "nothing", '"off"'
    ),
    Broken(
        "mistyped system in a field",
        "fields: {title: {§datdog: {path: x}}}",
        "E102",
        "fields.title.datdog",
        'unknown key "datdog"',
        '"datadog"',
    ),
    Broken(
        "mistyped key in a rule",
        "fields: {region: {type: line, devrev: {§pth: x}}}",
        "E102",
        "fields.region.devrev.pth",
        'unknown key "pth"',
        '"path"',
    ),
    Broken(
        "rule without path",
        "fields: {region: {type: line, §devrev: {}}}",
        "E106",
        "fields.region.devrev.path",
        '"path" is missing',
        "fields.region",
    ),
    Broken(
        "unknown policy",
        "fields: {title: {on_conflict: §newst}}",
        "E110",
        "fields.title.on_conflict",
        "does not decide",
        '"newest"',
    ),
    Broken(
        "prefer whom",
        "fields: {title: {on_conflict: §prefer}}",
        "E110",
        "fields.title.on_conflict",
        "does not decide",
        "prefer: [system, ...]",
    ),
    Broken(
        "prefer a stranger",
        "fields: {title: {on_conflict: {prefer: [§datadg]}}}",
        "E115",
        "fields.title.on_conflict.prefer.0",
        'unknown system "datadg"',
        '"datadog"',
    ),
    Broken(
        "union of a choice",
        "fields: {severity: {on_conflict: §union}}",
        "E118",
        "fields.severity.on_conflict",
        '"union" joins sets',
        "newest, manual",
    ),
    Broken(
        "highest of a line",
        "fields: {title: {on_conflict: §highest}}",
        "E118",
        "fields.title.on_conflict",
        "this field is a line",
        "newest, manual",
    ),
    Broken(
        "highest without order",
        "fields: {§a: {type: choice, on_conflict: highest}}",
        "E106",
        "fields.a.values",
        '"values" is missing',
        "highest first",
    ),
    Broken(
        "value twice",
        "fields: {a: {type: choice, values: §[x, x]}}",
        "E110",
        "fields.a.values",
        '"x" stands here twice',
        "keep one",
    ),
    Broken(
        "values that are flags",
        "fields: {a: {type: choice, values: [§true, x]}}",
        "E107",
        "fields.a.values.0",
        '"values" must be text',
        "quotes",
    ),
    Broken(
        "values of a line",
        "fields: {title: {values: §[a, b]}}",
        "E119",
        "fields.title.values",
        "only a choice",
        "type: choice",
    ),
    Broken(
        "closed by no value",
        "fields: {status: {closes: §[done]}}",
        "E117",
        "fields.status.closes",
        '"done" is not among the values',
        "valid: active",
    ),
    Broken(
        "own word for no common word",
        "fields: {severity: {devrev: {words: {blocker: §critcal}}}}",
        "E117",
        "fields.severity.devrev.words.blocker",
        '"blocker" of "devrev" means "critcal"',
        '"critical"',
    ),
    Broken(
        "values that the preset's words do not know",
        "fields: {severity: {values: §[critical, high, moderate, low], "
        "datadog: {words: {b: low}}, status: off}}",
        "E117",
        "fields.severity.values",
        '"sev-3" of "devrev" means "minor"',
        "valid: critical",
    ),
    Broken(
        "name that says nothing",
        "fields: {components: {datadog: {words: {none: §~}}}}",
        "E119",
        "fields.components.datadog.words.none",
        "always says something",
        'leave "none" out',
    ),
    Broken(
        "option of another type",
        "fields: {title: {devrev: {§precision: minute}}}",
        "E119",
        "fields.title.devrev.precision",
        '"precision" is for instant',
        "take it out",
    ),
    Broken(
        "longest below shortest",
        "fields: {title: {devrev: {min_length: 9, max_length: §4}}}",
        "E112",
        "fields.title.devrev.max_length",
        "shorter than the shortest",
        "at least 9",
    ),
    Broken(
        "default that is no word",
        "fields: {severity: {datadog: {default: §SEV-9}}}",
        "E117",
        "fields.severity.datadog.default",
        'the default "SEV-9" is no word of "datadog"',
        "did you mean",
    ),
    Broken(
        "values that the preset's default does not know",
        "fields: {severity: {values: §[bad, worse], devrev: off, datadog: off}}",
        "E117",
        "fields.severity.values",
        'the default "moderate" is no word of "status"',
        "valid: bad, worse",
    ),
    Broken(
        "default that is no time",
        "fields: {started_at: {status: {default: §openend}}}",
        "E107",
        "fields.started_at.status.default",
        "is not a instant",
        '"opened"',
    ),
    Broken(
        "default that is no word at all",
        "fields: {severity: {datadog: {default: §{a: b}}}}",
        "E107",
        "fields.severity.datadog.default",
        "not a word",
        "a list of texts",
    ),
    Broken(
        "two fields in one place",
        "fields: {region: {type: line, devrev: {path: §title}}}",
        "E120",
        "fields.region.devrev.path",
        '"title" and "region" stand at one place',
        '"devrev: off"',
    ),
    Broken(
        "preset field led to another's place",
        "fields: {title: {devrev: {path: §body}}}",
        "E120",
        "fields.title.devrev.path",
        "stand at one place",
        "off",
    ),
)
