use apitap::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    id: private::Field<private::Int64>,
    reference: private::Field<private::Uuid>,
    status: private::Field<private::Text>,
    amount: private::Field<private::Decimal>,
    quantity: private::Field<private::Int32>,
    rate: private::Field<private::Float64>,
    paid: private::Field<private::Bool>,
    day: private::Field<private::Date>,
    placed_at: private::Field<private::Timestamp>,
    note: private::Field<private::Text>,
    tags: private::Field<private::List<private::Text>>,
    customer: private::Field<private::Nested<RecordCustomer>>,
    address: private::Field<private::Nested<RecordAddress>>,
    description: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            id: private::Field::required("id", private::Int64::empty()),
            reference: private::Field::required("reference", private::Uuid::empty()),
            status: private::Field::required("status", private::Text::empty()),
            amount: private::Field::required(
                "amount",
                private::Decimal::with_digits(12, 2),
            ),
            quantity: private::Field::required("quantity", private::Int32::empty()),
            rate: private::Field::required("rate", private::Float64::empty()),
            paid: private::Field::required("paid", private::Bool::empty()),
            day: private::Field::required("day", private::Date::empty()),
            placed_at: private::Field::required(
                "placed_at",
                private::Timestamp::empty(),
            ),
            note: private::Field::optional("note", private::Text::empty()),
            tags: private::Field::optional(
                "tags",
                private::List::optional(private::Text::empty()),
            ),
            customer: private::Field::optional("customer", private::Nested::empty()),
            address: private::Field::optional("address", private::Nested::empty()),
            description: private::Field::required("description", private::Text::empty()),
            unread: private::Unread::beside(&[]),
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
            (9, "reference") => self.reference.read(row, cursor),
            (6, "status") => self.status.read(row, cursor),
            (6, "amount") => self.amount.read(row, cursor),
            (8, "quantity") => self.quantity.read(row, cursor),
            (4, "rate") => self.rate.read(row, cursor),
            (4, "paid") => self.paid.read(row, cursor),
            (3, "day") => self.day.read(row, cursor),
            (9, "placed_at") => self.placed_at.read(row, cursor),
            (4, "note") => self.note.read(row, cursor),
            (4, "tags") => self.tags.read(row, cursor),
            (8, "customer") => self.customer.read(row, cursor),
            (7, "address") => self.address.read(row, cursor),
            (11, "description") => self.description.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.id)?;
        visitor.field(&mut self.reference)?;
        visitor.field(&mut self.status)?;
        visitor.field(&mut self.amount)?;
        visitor.field(&mut self.quantity)?;
        visitor.field(&mut self.rate)?;
        visitor.field(&mut self.paid)?;
        visitor.field(&mut self.day)?;
        visitor.field(&mut self.placed_at)?;
        visitor.field(&mut self.note)?;
        visitor.field(&mut self.tags)?;
        visitor.field(&mut self.customer)?;
        visitor.field(&mut self.address)?;
        visitor.field(&mut self.description)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `customer`.
pub(super) struct RecordCustomer {
    id: private::Field<private::Int64>,
    name: private::Field<private::Text>,
    email: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordCustomer {
    fn default() -> Self {
        Self {
            id: private::Field::required("id", private::Int64::empty()),
            name: private::Field::required("name", private::Text::empty()),
            email: private::Field::optional("email", private::Text::empty()),
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
            (4, "name") => self.name.read(row, cursor),
            (5, "email") => self.email.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.id)?;
        visitor.field(&mut self.name)?;
        visitor.field(&mut self.email)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `address`.
pub(super) struct RecordAddress {
    street: private::Field<private::Text>,
    city: private::Field<private::Text>,
    country: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordAddress {
    fn default() -> Self {
        Self {
            street: private::Field::required("street", private::Text::empty()),
            city: private::Field::required("city", private::Text::empty()),
            country: private::Field::required("country", private::Text::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordAddress {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (6, "street") => self.street.read(row, cursor),
            (4, "city") => self.city.read(row, cursor),
            (7, "country") => self.country.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.street)?;
        visitor.field(&mut self.city)?;
        visitor.field(&mut self.country)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
