"""Which of PostgreSQL's own functions are denied although they are not VOLATILE, and why.

Used when the committed list is generated (`scripts/generate_functions`) and to say why a function is not on it. The
volatility that PostgreSQL declares is about optimisation: `query_to_xml` and `set_config` were STABLE once.
"""

import re

_HARMLESS_VOLATILE = (
    "array_sample",
    "array_shuffle",
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "random_normal",
    "timeofday",
    "uuidv4",
    "uuidv7",
)

# Pure functions of their arguments, or of the data: the exceptions from the last rule below.
_PG_FUNCTIONS_ALLOWED = re.compile(
    r"pg_(client_encoding|collation_for|column_compression|column_size|encoding_to_char|char_to_encoding"
    r"|encoding_max_length|size_bytes|size_pretty|snapshot_\w+|visible_in_snapshot|typeof|lsn\w*|wal_lsn_diff)"
)

# The first pattern that matches names the reason.
_DENIED = (
    (r"(query|table|schema|database|cursor)_to_xml.*|ts_stat|ts_rewrite|dblink.*|crosstab.*|connectby|xpath_table",
     "it runs SQL text, or reads tables by name, that was never checked"),
    (r"set_config|setseed|set_limit|set_curcfg", "it changes the session"),
    (r"pg_(try_)?advisory.*|pg_safe_snapshot.*|pg_isolation.*", "it takes or inspects locks"),
    (r"pg_sleep.*", "it holds a connection and does nothing"),
    (r"pg_(cancel|terminate)_.*|pg_reload.*|pg_rotate.*|pg_promote.*|pg_notify|pg_log_.*|pg_logical.*|pg_wal.*|pg_switch.*",
     "it acts on the server or on other sessions"),
    (r"lo_.*|loread|lowrite|lo", "it works on large objects, which READ ONLY does not protect before PostgreSQL 16"),
    (r"nextval|setval|currval|lastval", "it works on sequences"),
    (r"txid_(current|status).*|pg_(current|xact)_.*|mxid_age", "it works on transaction ids"),
    (r"pg_(read|ls|stat_file|file|current_logfile).*", "it reads the server's files"),
    (r"pg_input_.*", "it runs the input function of a type that is named in a value"),
    (r"(array|record|domain|range|multirange|any\w*|cstring)_(in|recv)|\w*_recv|\w*recv",
     "it is the input function of a type and takes that type by its number"),
    (r"to_reg.*|reg(class|proc|procedure|oper|operator|type|role|namespace|collation|config|dictionary)(in|out|send)?",
     "it looks up objects of the catalogue by name"),
    (r"has_.*|row_security_active|acl.*|makeaclitem|.*_validator|satisfies_hash_partition|(col|obj|shobj)_description",
     "it tells about the catalogue"),
    (r"inet_(server|client)_.*|version|current_(database|schema|schemas|setting|query|user|role|catalog)|session_user"
     r"|system_user|user|getpgusername", "it tells about the server, the session or its role"),
    (r"pg_.*|binary_upgrade_.*|_pg_.*", "it tells about or acts on the server"),
)  # fmt: skip

# What an author wants who writes one of these; the first pattern that matches.
_INSTEAD = (
    (r"nextval|setval|currval|lastval", "To number the rows, write row_number() OVER (ORDER BY ...)."),
    (r"txid_.*|pg_(current|xact)_.*", "For the time of the snapshot, write now()."),
    (r"setseed", "For a random share that stays the same, write hashtext(id::text) % 10 = 0."),
    (r"dblink.*", "Make the other table visible in this database, for example as a materialized view."),
    (r"(query|table|schema|database|cursor)_to_xml.*", "Write the query itself, as a subquery."),
    (r"(current_|session_|system_)?user|current_role|getpgusername", "It is the connection's user: leave it out."),
)

_PATTERNS = tuple((re.compile(pattern), reason) for pattern, reason in _DENIED)


def volatile_and_harmless() -> set[str]:
    """VOLATILE functions that change nothing: their value differs from call to call, and that is all."""
    return set(_HARMLESS_VOLATILE)


def reason_denied(name: str) -> str:
    """Why the built-in function `name` is denied by rule ("it holds a connection and does nothing"), or ""."""
    if _PG_FUNCTIONS_ALLOWED.fullmatch(name):
        return ""
    return next((reason for pattern, reason in _PATTERNS if pattern.fullmatch(name)), "")


def runs_sql_text(name: str) -> bool:
    """Whether the built-in function `name` runs SQL text or reads tables by name: refused inside a view as well."""
    return _PATTERNS[0][0].fullmatch(name) is not None


def is_denied(name: str) -> bool:
    """Whether a rule denies the built-in function `name`, whatever its volatility."""
    return reason_denied(name) != ""


def what_instead(name: str) -> str:
    """What to write instead of the denied function `name`."""
    return next((advice for pattern, advice in _INSTEAD if re.fullmatch(pattern, name)), "Leave it out.")
