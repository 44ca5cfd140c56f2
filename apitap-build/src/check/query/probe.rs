//! A function that takes anything and remembers its type: how the type of a part of a query is
//! found out, and whether that part has one.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// No query can name it: it is not a word of SQL even in quotes.
const NAME: &str = "\u{0}probe";

/// The function, and what it has seen.
pub(super) struct Probe {
    function: Arc<ScalarUDF>,
    seen: Arc<Mutex<Option<FieldRef>>>,
}

impl Default for Probe {
    fn default() -> Self {
        let seen = Arc::new(Mutex::new(None));
        let signature = Signature::any(1, Volatility::Volatile);
        let function = Function { signature, seen: Arc::clone(&seen) };
        Self { function: Arc::new(ScalarUDF::from(function)), seen }
    }
}

impl Probe {
    /// Its name in a statement.
    pub(super) fn name(&self) -> &'static str {
        NAME
    }

    /// The function, if that is its name.
    pub(super) fn function(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        (name == NAME).then(|| Arc::clone(&self.function))
    }

    /// What the argument was when a statement was last planned; forgets it.
    pub(super) fn take(&self) -> Option<FieldRef> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug)]
struct Function {
    signature: Signature,
    seen: Arc<Mutex<Option<FieldRef>>>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.seen, &other.seen)
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let seen = args.arg_fields.first().map(Arc::clone);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(Arc::new(Field::new(NAME, DataType::Boolean, true)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("only planned, never run")
    }
}
