use crate::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    created_at_2: private::Field<private::Text>,
    created_at: private::Field<private::Text>,
    r#type: private::Field<private::Text>,
    self_field: private::Field<private::Text>,
    field_2fa: private::Field<private::Bool>,
    field: private::Field<private::Text>,
    field_2: private::Field<private::Text>,
    with_quotes_and_braces: private::Field<private::Text>,
    a_b_c: private::Field<private::Text>,
    a_b_c_2: private::Field<private::Int64>,
    r#gen: private::Field<private::Int64>,
    sub: private::Field<private::Nested<RecordSub>>,
    sub_2: private::Field<private::Nested<RecordSub2>>,
    empty: private::Field<private::Nested<RecordEmpty>>,
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            created_at_2: private::Field::optional("createdAt", private::Text::empty()),
            created_at: private::Field::optional("created_at", private::Text::empty()),
            r#type: private::Field::optional("type", private::Text::empty()),
            self_field: private::Field::optional("self", private::Text::empty()),
            field_2fa: private::Field::optional("2fa", private::Bool::empty()),
            field: private::Field::optional("名前", private::Text::empty()),
            field_2: private::Field::optional("", private::Text::empty()),
            with_quotes_and_braces: private::Field::optional(
                "with \"quotes\" \\ and {braces}",
                private::Text::empty(),
            ),
            a_b_c: private::Field::optional("a  b--c", private::Text::empty()),
            a_b_c_2: private::Field::optional("a/b~c", private::Int64::empty()),
            r#gen: private::Field::optional("gen", private::Int64::empty()),
            sub: private::Field::optional("sub", private::Nested::empty()),
            sub_2: private::Field::optional("Sub", private::Nested::empty()),
            empty: private::Field::optional("empty", private::Nested::empty()),
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
            (9, "createdAt") => self.created_at_2.read(row, cursor),
            (10, "created_at") => self.created_at.read(row, cursor),
            (4, "type") => self.r#type.read(row, cursor),
            (4, "self") => self.self_field.read(row, cursor),
            (3, "2fa") => self.field_2fa.read(row, cursor),
            (6, "名前") => self.field.read(row, cursor),
            (0, "") => self.field_2.read(row, cursor),
            (28, "with \"quotes\" \\ and {braces}") => {
                self.with_quotes_and_braces.read(row, cursor)
            }
            (7, "a  b--c") => self.a_b_c.read(row, cursor),
            (5, "a/b~c") => self.a_b_c_2.read(row, cursor),
            (3, "gen") => self.r#gen.read(row, cursor),
            (3, "sub") => self.sub.read(row, cursor),
            (3, "Sub") => self.sub_2.read(row, cursor),
            (5, "empty") => self.empty.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.created_at_2)?;
        visitor.field(&mut self.created_at)?;
        visitor.field(&mut self.r#type)?;
        visitor.field(&mut self.self_field)?;
        visitor.field(&mut self.field_2fa)?;
        visitor.field(&mut self.field)?;
        visitor.field(&mut self.field_2)?;
        visitor.field(&mut self.with_quotes_and_braces)?;
        visitor.field(&mut self.a_b_c)?;
        visitor.field(&mut self.a_b_c_2)?;
        visitor.field(&mut self.r#gen)?;
        visitor.field(&mut self.sub)?;
        visitor.field(&mut self.sub_2)?;
        visitor.field(&mut self.empty)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `sub`.
pub(super) struct RecordSub {
    record: private::Field<private::Text>,
    sub: private::Field<private::Nested<RecordSubSub>>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordSub {
    fn default() -> Self {
        Self {
            record: private::Field::optional("record", private::Text::empty()),
            sub: private::Field::optional("Sub", private::Nested::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordSub {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (6, "record") => self.record.read(row, cursor),
            (3, "Sub") => self.sub.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.record)?;
        visitor.field(&mut self.sub)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `Sub`.
pub(super) struct RecordSubSub {
    x: private::Field<private::Bool>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordSubSub {
    fn default() -> Self {
        Self {
            x: private::Field::optional("x", private::Bool::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordSubSub {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (1, "x") => self.x.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.x)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `Sub`.
pub(super) struct RecordSub2 {
    x: private::Field<private::Bool>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordSub2 {
    fn default() -> Self {
        Self {
            x: private::Field::optional("x", private::Bool::empty()),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordSub2 {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (1, "x") => self.x.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.x)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `empty`.
pub(super) struct RecordEmpty {
    unread: private::Unread,
}
impl ::core::default::Default for RecordEmpty {
    fn default() -> Self {
        Self {
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordEmpty {
    fn member(
        &mut self,
        key: &str,
        _row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        self.unread.skip(key, cursor)
    }
    fn each<V: private::Visit>(
        &mut self,
        _visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
