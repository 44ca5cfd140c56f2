use apitap::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    properties: private::Field<private::Nested<RecordProperties>>,
    id: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            properties: private::Field::required("properties", private::Nested::empty()),
            id: private::Field::required("id", private::Text::empty()),
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
            (10, "properties") => self.properties.read(row, cursor),
            (2, "id") => self.id.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.properties)?;
        visitor.field(&mut self.id)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `properties`.
pub(super) struct RecordProperties {
    mag: private::Field<private::Float64>,
    place: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordProperties {
    fn default() -> Self {
        Self {
            mag: private::Field::optional("mag", private::Float64::empty()),
            place: private::Field::optional("place", private::Text::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordProperties {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (3, "mag") => self.mag.read(row, cursor),
            (5, "place") => self.place.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.mag)?;
        visitor.field(&mut self.place)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
