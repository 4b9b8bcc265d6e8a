{# Casts of text taken from JSON. Each is NULL for text it cannot read; the text stays beside it as a companion. #}

{# Empty text is no text (docs/apis/common_schema.md 1.6). #}
{% macro text(value) -%}
nullif({{ value }}, '')
{%- endmacro %}

{# Exact decimal; more digits than the scale are rounded half to even. DuckDB rounds half away from zero, so the tie is cut. #}
{% macro decimal(value, precision=18, scale=4) -%}
TRY_CAST(
    CASE
        WHEN contains({{ value }}, '_') THEN NULL
        WHEN strlen({{ value }}) > instr({{ value }}, '.') + {{ scale }}
            THEN regexp_replace({{ value }}, '(\.[0-9]{{ '{' }}{{ scale - 1 }}{{ '}' }}[02468])50*$', '\1')
        ELSE {{ value }}
    END AS DECIMAL({{ precision }}, {{ scale }})
)
{%- endmacro %}

{# Pieces, exact: more than three decimals are NULL and never rounded, for 1.9999 is not 2 to a picker. #}
{% macro quantity(value) -%}
TRY_CAST(
    CASE
        WHEN contains({{ value }}, '_') THEN NULL
        WHEN strlen({{ value }}) > instr({{ value }}, '.') + 3
            AND TRY_CAST({{ value }} AS DECIMAL(38, 18)) <> TRY_CAST({{ value }} AS DECIMAL(18, 3)) THEN NULL
        ELSE {{ value }}
    END AS DECIMAL(18, 3)
)
{%- endmacro %}

{# A moment that a channel can mean: from 2000 on and at most a year (366 days) after it was read; NULL for another one. #}
{% macro plausible(moment, seen_at='fetched_at') -%}
CASE
    WHEN epoch_us({{ moment }}) BETWEEN 946684800000000 AND epoch_us({{ seen_at }}) + 31622400000000 THEN {{ moment }}
END
{%- endmacro %}

{# A time that states its offset; without one, or of a year that cannot be meant, it is NULL, never a guess
   (docs/apis/common_schema.md 1.5). #}
{% macro time_with_offset(value, seen_at='fetched_at') -%}
CASE
    WHEN {{ states_offset(value) }} THEN {{ plausible('TRY_CAST(' ~ value ~ ' AS TIMESTAMPTZ)', seen_at) }}
END
{%- endmacro %}

{# The same, of whatever year. #}
{% macro any_time_with_offset(value) -%}
CASE WHEN {{ states_offset(value) }} THEN TRY_CAST({{ value }} AS TIMESTAMPTZ) END
{%- endmacro %}

{% macro states_offset(value) -%}
regexp_matches({{ value }}, '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|z|[+-]\d{2}(:?\d{2})?)$')
{%- endmacro %}

{# Strict: true or false, in any case. Another word, a number or a container is NULL, never a guess. #}
{% macro flag(value) -%}
CASE lower({{ value }}) WHEN 'true' THEN true WHEN 'false' THEN false END
{%- endmacro %}

{# A number with room for a sum, a difference or a product with another one: DECIMAL(18) overflows, which is an error. #}
{% macro wide(number) -%}
CAST({{ number }} AS DECIMAL(38, 4))
{%- endmacro %}

{# Decode XHTML entities once (docs/apis/kibo.md 8); `names` is the map of stg_common__entity_names. Unknown entities
   stay as they are. #}
{% macro decode_entities(value, names) -%}
(string_split({{ value }}, '&')[1] || coalesce(array_to_string(list_transform(string_split({{ value }}, '&')[2:], lambda part:
    coalesce(
        CASE
            WHEN NOT starts_with(part, '#') THEN {{ names }}[left(part, instr(part, ';'))]
            WHEN regexp_matches(part, '^#[0-9]{1,7};') THEN TRY(chr(nullif(CAST(part[2:instr(part, ';') - 1] AS INTEGER), 0)))
            WHEN regexp_matches(part, '^#[xX][0-9A-Fa-f]{1,6};')
                THEN TRY(chr(nullif(CAST('0x' || part[3:instr(part, ';') - 1] AS INTEGER), 0)))
        END || substr(part, instr(part, ';') + 1),
        '&' || part
    )
), ''), ''))
{%- endmacro %}

{# Whether a text means that there is no date. #}
{% macro no_date(value) -%}
regexp_full_match(trim({{ value }}), '|0001-01-01.*|0{8}|0000-00-00.*')
{%- endmacro %}
