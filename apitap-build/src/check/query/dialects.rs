//! What other dialects call things → what it is called here.

/// Functions that people know from elsewhere, and what to write instead.
const FUNCTIONS: [(&str, &str); 46] = [
    ("age", "b - a"),
    ("array_size", "array_length(…)"),
    ("charindex", "strpos(text, part)"),
    ("convert", "CAST(… AS …)"),
    ("curdate", "current_date()"),
    ("date_add", "… + INTERVAL '1 day'"),
    ("date_diff", "date_part('day', b - a)"),
    ("date_format", "to_char(…, '%Y-%m-%d')"),
    ("date_sub", "… - INTERVAL '1 day'"),
    ("dateadd", "… + INTERVAL '1 day'"),
    ("datediff", "date_part('day', b - a)"),
    ("day", "date_part('day', …)"),
    ("format", "concat(…, …)"),
    ("gen_random_uuid", "uuid()"),
    ("getdate", "now()"),
    ("group_concat", "string_agg(…, ',')"),
    ("hour", "date_part('hour', …)"),
    ("if", "CASE WHEN … THEN … ELSE … END"),
    ("iff", "CASE WHEN … THEN … ELSE … END"),
    ("iif", "CASE WHEN … THEN … ELSE … END"),
    ("isnull", "coalesce(…, …)"),
    ("json_array_elements", "unnest(json_get_array(column, 'key'))"),
    ("json_array_length", "json_length(column, 'key')"),
    ("json_extract", "column->>'key'"),
    ("json_value", "column->>'key'"),
    ("jsonb_array_elements", "unnest(json_get_array(column, 'key'))"),
    ("jsonb_array_length", "json_length(column, 'key')"),
    ("jsonb_extract_path_text", "json_as_text(column, 'key')"),
    ("jsonb_object_keys", "unnest(json_object_keys(column))"),
    ("last_day", "date_trunc('month', …) + INTERVAL '1 month' - INTERVAL '1 day'"),
    ("len", "length(…)"),
    ("listagg", "string_agg(…, ',')"),
    ("mod", "a % b"),
    ("month", "date_part('month', …)"),
    ("parse_json", "column->>'key'"),
    ("regexp_extract", "regexp_match(…, …)[1]"),
    ("regexp_substr", "regexp_match(…, …)[1]"),
    ("safe_cast", "TRY_CAST(… AS …)"),
    ("sign", "signum(…)"),
    ("split", "string_to_array(…, ',')"),
    ("strftime", "to_char(…, '%Y-%m-%d')"),
    ("sysdate", "now()"),
    ("to_number", "CAST(… AS DOUBLE)"),
    ("to_varchar", "CAST(… AS VARCHAR)"),
    ("unix_timestamp", "to_unixtime(…)"),
    ("year", "date_part('year', …)"),
];

/// What to write for a function of another dialect.
pub(super) fn function(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    FUNCTIONS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// What to write for a clause of another dialect.
pub(super) fn clause(name: &str) -> Option<&'static str> {
    Some(match name {
        "TOP" => "write `LIMIT …` at the end of the query",
        "INTO" => "say where rows go with `sink(…)`",
        "FOR UPDATE" => "a query reads only: leave it out",
        "FETCH clause is not supported yet" => "write `LIMIT …` at the end of the query",
        "TABLESAMPLE" => "write `LIMIT …`, or a condition",
        _ => return None,
    })
}
