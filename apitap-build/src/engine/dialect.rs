//! The SQL of apitap: the engine's generic dialect, with what its parser reads wrongly put right.

use std::any::TypeId;
use std::cell::Cell;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The dialect that every query is parsed with.
///
/// Where an expression that begins with a keyword cannot be parsed, the parser reads it again as a
/// name: a mistake in some thirty `CAST`s in each other would take it days. So the number of
/// attempts is limited.
#[derive(Debug)]
pub struct Sql {
    attempts: Cell<usize>,
}

/// Expressions that are read, whatever the length of the text.
const ATTEMPTS: usize = 20_000;

/// How many more, for each token: one is read once where nothing is wrong.
const ATTEMPTS_PER_TOKEN: usize = 4;

impl Sql {
    /// The dialect for one text of so many tokens.
    pub fn for_tokens(tokens: usize) -> Self {
        let attempts = ATTEMPTS.saturating_add(tokens.saturating_mul(ATTEMPTS_PER_TOKEN));
        Self { attempts: Cell::new(attempts) }
    }
}

/// How strongly `->` and `->>` bind: more than arithmetic, less than `::`.
const STEP: u8 = 45;

/// What the generic dialect says.
macro_rules! as_generic {
    ($($name:ident)*) => {
        $(fn $name(&self) -> bool {
            GenericDialect.$name()
        })*
    };
}

impl Dialect for Sql {
    fn dialect(&self) -> TypeId {
        GenericDialect.dialect()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect.is_identifier_part(ch)
    }

    fn parse_prefix(&self, _parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        match self.attempts.get().checked_sub(1) {
            Some(left) => {
                self.attempts.set(left);
                None
            }
            None => Some(Err(ParserError::RecursionLimitExceeded)),
        }
    }

    /// `a IS DISTINCT FROM b AND c`: the parser takes all of `b AND c` for the right side.
    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        const SAME: [Keyword; 4] = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        const OTHER: [Keyword; 3] = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        let is_same = parser.parse_keywords(&SAME);
        if !is_same && !parser.parse_keywords(&OTHER) {
            return None;
        }
        let right = match parser.parse_subexpr(self.prec_value(Precedence::Is)) {
            Ok(right) => Box::new(right),
            Err(error) => return Some(Err(error)),
        };
        let left = Box::new(left.clone());
        Some(Ok(match is_same {
            true => Expr::IsNotDistinctFrom(left, right),
            false => Expr::IsDistinctFrom(left, right),
        }))
    }

    /// `a ->> 'b' = 'c'`: the generic dialect takes all of `'b' = 'c'` for the key. What PostgreSQL
    /// reads otherwise than this, such as `a -> 1 + 1`, has no types here.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let takes_a_step = matches!(parser.peek_token_ref().token, Token::Arrow | Token::LongArrow);
        takes_a_step.then_some(Ok(STEP))
    }

    as_generic! {
        supports_unicode_string_literal
        supports_partition_by_after_order_by
        supports_array_join_syntax
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_left_associative_joins_without_parens
        supports_connect_by
        supports_match_recognize
        supports_pipe_operator
        supports_start_transaction_modifier
        supports_window_function_null_treatment_arg
        supports_dictionary_syntax
        supports_window_clause_named_window_reference
        supports_parenthesized_set_variables
        supports_select_wildcard_except
        support_map_literal_syntax
        allow_extract_custom
        allow_extract_single_quotes
        supports_extract_comma_syntax
        supports_create_view_comment_syntax
        supports_parens_around_table_factor
        supports_values_as_table_factor
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_limit_comma
        supports_update_order_by
        supports_from_first_select
        supports_projection_trailing_commas
        supports_asc_desc_in_column_definition
        supports_try_convert
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_assignment_operator
        supports_struct_literal
        supports_empty_projections
        supports_nested_comments
        supports_multiline_comment_hints
        supports_user_host_grantee
        supports_string_escape_constant
        supports_array_typedef_with_brackets
        supports_match_against
        supports_set_names
        supports_comma_separated_set_assignments
        supports_filter_during_aggregation
        supports_select_wildcard_exclude
        supports_data_type_signed_suffix
        supports_interval_options
        supports_quote_delimited_string
        supports_select_wildcard_replace
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_optimize_table
        supports_install
        supports_detach
        supports_prewhere
        supports_with_fill
        supports_limit_by
        supports_interpolate
        supports_settings
        supports_select_format
        supports_comment_optimizer_hint
        supports_constraint_keyword_without_name
        supports_key_column_option
        supports_comma_separated_trim
        supports_cte_without_as
        supports_select_item_multi_column_alias
        supports_xml_expressions
    }
}
