//! The types of all parts of an expression, each asked for once.
//!
//! The engine computes the type of an expression from those of its parts anew each time it is asked,
//! down to the columns: in a chain of operators that takes time that grows with the square of it, for
//! each of them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, ReturnFieldArgs};

use super::guard::result_type;

/// The types of the parts of one expression.
pub(super) struct Types<'e> {
    schema: &'e DFSchema,
    /// By where the part is.
    known: HashMap<*const Expr, Option<DataType>>,
}

impl<'e> Types<'e> {
    /// Of an expression over these columns.
    pub(super) fn new(schema: &'e DFSchema) -> Self {
        Self { schema, known: HashMap::new() }
    }

    /// The type of a part.
    pub(super) fn of(&mut self, expr: &'e Expr) -> Option<DataType> {
        let key = &raw const *expr;
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let ty = self.find(expr);
        self.known.insert(key, ty.clone());
        ty
    }

    fn find(&mut self, expr: &'e Expr) -> Option<DataType> {
        match expr {
            Expr::Alias(alias) => self.of(&alias.expr),
            Expr::Negative(of) => self.of(of),
            Expr::BinaryExpr(binary) => {
                let (left, right) = (self.of(&binary.left)?, self.of(&binary.right)?);
                result_type(&left, binary.op, &right).ok()
            }
            Expr::ScalarFunction(call) => self.of_call(call),
            other => other.get_type(self.schema).ok(),
        }
    }

    fn of_call(&mut self, call: &'e ScalarFunction) -> Option<DataType> {
        let field = |ty| -> FieldRef { Arc::new(Field::new("argument", ty, true)) };
        let fields = call.args.iter().map(|arg| self.of(arg).map(field));
        let fields = fields.collect::<Option<Vec<_>>>()?;
        let constant = |arg: &'e Expr| -> Option<&'e ScalarValue> {
            match arg {
                Expr::Literal(value, _) => Some(value),
                _ => None,
            }
        };
        let scalars: Vec<_> = call.args.iter().map(constant).collect();
        let arguments = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars };
        let field = call.func.return_field_from_args(arguments).ok()?;
        Some(field.data_type().clone())
    }
}
