//! What DataFusion 55.2 answers wrongly, and what is done about each: one list.
//!
//! A test runs the example of each with DataFusion as it is, and fails when the answer has become
//! right: then the correction can go.

/// A kind of query that DataFusion answers wrongly.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    /// Its name in comments.
    pub name: &'static str,
    /// Where it is reported.
    pub report: &'static str,
    /// What goes wrong.
    pub wrong: &'static str,
    /// What is done about it.
    pub remedy: Remedy,
}

/// What is done about a wrong answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A setting of the session.
    Setting(&'static str),
    /// Optimizer rules are left out.
    RulesLeftOut(&'static [&'static str]),
    /// A rule or a function of ours, in that module.
    Rewritten(&'static str),
    /// The query is refused with E0384, which says how to write it.
    Refused,
}

/// All of them.
pub const CORRECTIONS: &[Correction] = &[
    Correction {
        name: "INTEGERS_WRAP",
        report: "apache/datafusion#3520",
        wrong: "+, -, *, the minus sign, sum and avg of exact numbers wrap around where the result \
                does not fit its type",
        remedy: Remedy::Rewritten("guard, sums"),
    },
    Correction {
        name: "GUARDED_EXPRESSIONS",
        report: "apache/datafusion#8927, #24443",
        wrong: "what AND, OR, FILTER and a CASE between truth values exclude is computed all the \
                same, and fails",
        remedy: Remedy::Rewritten("guards"),
    },
    Correction {
        name: "IS_DISTINCT_FROM",
        report: "apache/datafusion-sqlparser-rs#2436, apache/datafusion#23692",
        wrong: "the right side of IS [NOT] DISTINCT FROM takes in the AND or OR that follows it",
        remedy: Remedy::Rewritten("dialect"),
    },
    Correction {
        name: "DECIMAL_LITERALS",
        report: "apache/datafusion#3480, #4072, #12817",
        wrong: "a number with a point is a binary float, and so is what a decimal is multiplied by \
                it: a cent off",
        remedy: Remedy::Setting("sql_parser.parse_float_as_decimal"),
    },
    Correction {
        name: "FLOATS_BESIDE_DECIMALS",
        report: "none that we know of",
        wrong: "a binary float beside a decimal becomes a decimal of 30 digits, which rounds it or \
                does not hold it",
        remedy: Remedy::Rewritten("numbers"),
    },
    Correction {
        name: "UNSIGNED_DIFFERENCES",
        report: "none that we know of",
        wrong: "the difference of two row numbers, ranks or counts is unsigned, and wraps around \
                below zero",
        remedy: Remedy::Rewritten("numbers"),
    },
    Correction {
        name: "HOURS_OF_DAYS",
        report: "apache/datafusion#19527",
        wrong: "a day plus or minus an interval with hours in it is a day",
        remedy: Remedy::Rewritten("numbers"),
    },
    Correction {
        name: "SIMILAR_TO",
        report: "apache/datafusion#22263",
        wrong: "SIMILAR TO takes its pattern for a regular expression that may match anywhere",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "LENGTHS_OF_TEXTS",
        report: "apache/datafusion#10743",
        wrong: "CAST to VARCHAR(3) keeps the whole text",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "LITERALS_OF_CALLS",
        report: "apache/datafusion#23232",
        wrong: "round(decimal, 2) is planned with another type than it has, so that comparing it,                 or greatest of it and another decimal, fails when the query runs",
        remedy: Remedy::Rewritten("literals"),
    },
    Correction {
        name: "NANOSECONDS",
        report: "apache/datafusion#6653, #8336, #1360",
        wrong: "timestamps before 1677 and after 2262 do not fit what functions and casts compute \
                with",
        remedy: Remedy::Rewritten("time"),
    },
    Correction {
        name: "TO_TIMESTAMP_OF_TEXT",
        report: "apache/datafusion#24632",
        wrong: "to_timestamp of a text promises an instant of the session's time zone and gives \
                one without",
        remedy: Remedy::Rewritten("time"),
    },
    Correction {
        name: "ROLLUP_OF_CONSTANTS",
        report: "apache/datafusion#16965",
        wrong: "a grouping set over a UNION of equal constants gives the same group several times",
        remedy: Remedy::Rewritten("grouping"),
    },
    Correction {
        name: "LEAF_PROJECTIONS",
        report: "apache/datafusion#25459",
        wrong: "fields of records that are taken out below a join and the subqueries around it make \
                the planner panic",
        remedy: Remedy::RulesLeftOut(&["extract_leaf_expressions", "push_down_leaf_projections"]),
    },
    Correction {
        name: "JOIN_USING",
        report: "apache/datafusion#22881",
        wrong: "RIGHT, FULL and NATURAL joins give null for the key of rows that only the right \
                side has",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "SET_OPERATIONS_ALL",
        report: "apache/datafusion#12955, #12956",
        wrong: "EXCEPT ALL removes all copies of a row, INTERSECT ALL keeps all copies",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "NOT_IN_BESIDE_OR",
        report: "apache/datafusion#18435",
        wrong: "NOT IN over a null is true or false where it is unknown, beside OR and in CASE",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "NOT_IN_OF_A_CONSTANT",
        report: "none that we know of",
        wrong: "a constant NOT IN a subquery is true where a null in it, or the constant, makes it unknown",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "CONDITIONS_BELOW_AGGREGATES",
        report: "none that we know of",
        wrong: "a condition on no column goes below an aggregate without GROUP BY, which has a row even where the \
                condition is false",
        remedy: Remedy::Refused,
    },
    Correction {
        name: "CORRELATED_OPTIONAL_SIDE",
        report: "apache/datafusion#25507",
        wrong: "a condition on the row around a subquery is taken out of the optional side of an \
                outer join in it, and rows vanish",
        remedy: Remedy::Refused,
    },
];

/// Whether an optimizer rule is used: no correction leaves it out.
pub(super) fn is_kept(rule: &str) -> bool {
    CORRECTIONS.iter().all(|correction| match correction.remedy {
        Remedy::RulesLeftOut(left_out) => !left_out.contains(&rule),
        Remedy::Setting(_) | Remedy::Rewritten(_) | Remedy::Refused => true,
    })
}
