use crate::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    id: private::Field<private::Int64>,
    small: private::Field<private::Int16>,
    medium: private::Field<private::Int32>,
    single: private::Field<private::Float32>,
    double: private::Field<private::Float64>,
    amount: private::Field<private::Decimal>,
    huge: private::Field<private::Decimal>,
    name: private::Field<private::Text>,
    open: private::Field<private::Bool>,
    day: private::Field<private::Date>,
    clock: private::Field<private::Time>,
    at: private::Field<private::Timestamp>,
    uuid: private::Field<private::Uuid>,
    bytes: private::Field<private::Binary>,
    extra: private::Field<private::Json>,
    tags: private::Field<private::List<private::Text>>,
    scores: private::Field<private::List<private::Int64>>,
    customer: private::Field<private::Nested<RecordCustomer>>,
    lines: private::Field<private::List<private::Nested<RecordLines>>>,
    matrix: private::Field<private::List<private::List<private::Float64>>>,
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            id: private::Field::required("id", private::Int64::empty()),
            small: private::Field::optional("small", private::Int16::empty()),
            medium: private::Field::optional("medium", private::Int32::empty()),
            single: private::Field::optional("single", private::Float32::empty()),
            double: private::Field::optional("double", private::Float64::empty()),
            amount: private::Field::optional(
                "amount",
                private::Decimal::with_digits(12, 2),
            ),
            huge: private::Field::optional("huge", private::Decimal::with_digits(38, 0)),
            name: private::Field::optional("name", private::Text::empty()),
            open: private::Field::optional("open", private::Bool::empty()),
            day: private::Field::optional("day", private::Date::empty()),
            clock: private::Field::optional("clock", private::Time::empty()),
            at: private::Field::optional("at", private::Timestamp::empty()),
            uuid: private::Field::optional("uuid", private::Uuid::empty()),
            bytes: private::Field::optional("bytes", private::Binary::empty()),
            extra: private::Field::optional("extra", private::Json::empty()),
            tags: private::Field::optional(
                "tags",
                private::List::optional(private::Text::empty()),
            ),
            scores: private::Field::required(
                "scores",
                private::List::required(private::Int64::empty()),
            ),
            customer: private::Field::optional("customer", private::Nested::empty()),
            lines: private::Field::optional(
                "lines",
                private::List::required(private::Nested::empty()),
            ),
            matrix: private::Field::optional(
                "matrix",
                private::List::optional(
                    private::List::optional(private::Float64::empty()),
                ),
            ),
            unread: private::Unread::beside(&["unread"]),
        }
    }
}
impl private::Record for Record {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (2, "id") => self.id.read(row, cursor),
            (5, "small") => self.small.read(row, cursor),
            (6, "medium") => self.medium.read(row, cursor),
            (6, "single") => self.single.read(row, cursor),
            (6, "double") => self.double.read(row, cursor),
            (6, "amount") => self.amount.read(row, cursor),
            (4, "huge") => self.huge.read(row, cursor),
            (4, "name") => self.name.read(row, cursor),
            (4, "open") => self.open.read(row, cursor),
            (3, "day") => self.day.read(row, cursor),
            (5, "clock") => self.clock.read(row, cursor),
            (2, "at") => self.at.read(row, cursor),
            (4, "uuid") => self.uuid.read(row, cursor),
            (5, "bytes") => self.bytes.read(row, cursor),
            (5, "extra") => self.extra.read(row, cursor),
            (4, "tags") => self.tags.read(row, cursor),
            (6, "scores") => self.scores.read(row, cursor),
            (8, "customer") => self.customer.read(row, cursor),
            (5, "lines") => self.lines.read(row, cursor),
            (6, "matrix") => self.matrix.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.id)?;
        visitor.field(&mut self.small)?;
        visitor.field(&mut self.medium)?;
        visitor.field(&mut self.single)?;
        visitor.field(&mut self.double)?;
        visitor.field(&mut self.amount)?;
        visitor.field(&mut self.huge)?;
        visitor.field(&mut self.name)?;
        visitor.field(&mut self.open)?;
        visitor.field(&mut self.day)?;
        visitor.field(&mut self.clock)?;
        visitor.field(&mut self.at)?;
        visitor.field(&mut self.uuid)?;
        visitor.field(&mut self.bytes)?;
        visitor.field(&mut self.extra)?;
        visitor.field(&mut self.tags)?;
        visitor.field(&mut self.scores)?;
        visitor.field(&mut self.customer)?;
        visitor.field(&mut self.lines)?;
        visitor.field(&mut self.matrix)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `customer`.
pub(super) struct RecordCustomer {
    id: private::Field<private::Int64>,
    email: private::Field<private::Text>,
    address: private::Field<private::Nested<RecordCustomerAddress>>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordCustomer {
    fn default() -> Self {
        Self {
            id: private::Field::required("id", private::Int64::empty()),
            email: private::Field::optional("email", private::Text::empty()),
            address: private::Field::optional("address", private::Nested::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordCustomer {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (2, "id") => self.id.read(row, cursor),
            (5, "email") => self.email.read(row, cursor),
            (7, "address") => self.address.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.id)?;
        visitor.field(&mut self.email)?;
        visitor.field(&mut self.address)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `address`.
pub(super) struct RecordCustomerAddress {
    city: private::Field<private::Text>,
    codes: private::Field<private::List<private::Int16>>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordCustomerAddress {
    fn default() -> Self {
        Self {
            city: private::Field::required("city", private::Text::empty()),
            codes: private::Field::optional(
                "codes",
                private::List::optional(private::Int16::empty()),
            ),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordCustomerAddress {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (4, "city") => self.city.read(row, cursor),
            (5, "codes") => self.codes.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.city)?;
        visitor.field(&mut self.codes)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `lines`.
pub(super) struct RecordLines {
    sku: private::Field<private::Text>,
    price: private::Field<private::Decimal>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordLines {
    fn default() -> Self {
        Self {
            sku: private::Field::required("sku", private::Text::empty()),
            price: private::Field::optional(
                "price",
                private::Decimal::with_digits(10, 4),
            ),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordLines {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (3, "sku") => self.sku.read(row, cursor),
            (5, "price") => self.price.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.sku)?;
        visitor.field(&mut self.price)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
