"""Extensions whose functions, operators and casts are as harmless as PostgreSQL's own, when they are not VOLATILE."""

TRUSTED_EXTENSIONS = frozenset(
    {
        "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_xsyn", "earthdistance", "fuzzystrmatch", "h3",
        "hstore", "intarray", "isn", "ltree", "pg_trgm", "pgcrypto", "plpgsql", "postgis", "postgis_raster", "rum",
        "seg", "unaccent", "uuid-ossp", "vector",
    }
)  # fmt: skip

UNTRUSTED_NAMES = frozenset(
    {
        # pgcrypto: bcrypt burns seconds of processor time in one call; keys do not belong into a query's text.
        "crypt", "gen_salt", "armor", "dearmor", "decrypt", "decrypt_iv", "encrypt", "encrypt_iv", "fips_mode",
        "pgp_armor_headers", "pgp_key_id", "pgp_pub_decrypt", "pgp_pub_decrypt_bytea", "pgp_pub_encrypt",
        "pgp_pub_encrypt_bytea", "pgp_sym_decrypt", "pgp_sym_decrypt_bytea", "pgp_sym_encrypt", "pgp_sym_encrypt_bytea",
        # They tell about the server, or read tables by name.
        "postgis_full_version", "st_estimatedextent", "st_estimated_extent", "show_limit",
    }
)  # fmt: skip

# PostGIS is not on the machines that generate the list of names; its own naming rule is the list.
_POSTGIS_PREFIXES = ("st_", "geometry_", "geography_")
_VECTOR_NAMES = frozenset(
    {"cosine_distance", "inner_product", "l1_distance", "l2_distance", "vector_dims", "vector_norm"}
)


def may_be_trusted(name: str, generated_names: frozenset[str]) -> bool:
    """Whether `name` may belong to a trusted extension. The catalogue then decides: by its owner and its volatility."""
    if name in UNTRUSTED_NAMES:
        return False
    return name in generated_names or name in _VECTOR_NAMES or name.startswith(_POSTGIS_PREFIXES)
