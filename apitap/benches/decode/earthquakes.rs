use apitap::private;
/// Decodes records into batches.
pub(super) type Decoder = private::RecordDecoder<Record>;
/// A record: the fields that the query reads.
pub(super) struct Record {
    r#type: private::Field<private::Text>,
    properties: private::Field<private::Nested<RecordProperties>>,
    geometry: private::Field<private::Nested<RecordGeometry>>,
    id: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for Record {
    fn default() -> Self {
        Self {
            r#type: private::Field::required("type", private::Text::empty()),
            properties: private::Field::required("properties", private::Nested::empty()),
            geometry: private::Field::required("geometry", private::Nested::empty()),
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
            (4, "type") => self.r#type.read(row, cursor),
            (10, "properties") => self.properties.read(row, cursor),
            (8, "geometry") => self.geometry.read(row, cursor),
            (2, "id") => self.id.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.r#type)?;
        visitor.field(&mut self.properties)?;
        visitor.field(&mut self.geometry)?;
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
    time: private::Field<private::Int64>,
    updated: private::Field<private::Int64>,
    tz: private::Field<private::Int32>,
    url: private::Field<private::Text>,
    detail: private::Field<private::Text>,
    felt: private::Field<private::Int32>,
    cdi: private::Field<private::Float64>,
    mmi: private::Field<private::Float64>,
    alert: private::Field<private::Text>,
    status: private::Field<private::Text>,
    tsunami: private::Field<private::Int32>,
    sig: private::Field<private::Int32>,
    net: private::Field<private::Text>,
    code: private::Field<private::Text>,
    ids: private::Field<private::Text>,
    sources: private::Field<private::Text>,
    types: private::Field<private::Text>,
    nst: private::Field<private::Int32>,
    dmin: private::Field<private::Float64>,
    rms: private::Field<private::Float64>,
    gap: private::Field<private::Float64>,
    mag_type: private::Field<private::Text>,
    r#type: private::Field<private::Text>,
    title: private::Field<private::Text>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordProperties {
    fn default() -> Self {
        Self {
            mag: private::Field::optional("mag", private::Float64::empty()),
            place: private::Field::optional("place", private::Text::empty()),
            time: private::Field::required("time", private::Int64::empty()),
            updated: private::Field::required("updated", private::Int64::empty()),
            tz: private::Field::optional("tz", private::Int32::empty()),
            url: private::Field::required("url", private::Text::empty()),
            detail: private::Field::required("detail", private::Text::empty()),
            felt: private::Field::optional("felt", private::Int32::empty()),
            cdi: private::Field::optional("cdi", private::Float64::empty()),
            mmi: private::Field::optional("mmi", private::Float64::empty()),
            alert: private::Field::optional("alert", private::Text::empty()),
            status: private::Field::required("status", private::Text::empty()),
            tsunami: private::Field::required("tsunami", private::Int32::empty()),
            sig: private::Field::required("sig", private::Int32::empty()),
            net: private::Field::required("net", private::Text::empty()),
            code: private::Field::required("code", private::Text::empty()),
            ids: private::Field::required("ids", private::Text::empty()),
            sources: private::Field::required("sources", private::Text::empty()),
            types: private::Field::required("types", private::Text::empty()),
            nst: private::Field::optional("nst", private::Int32::empty()),
            dmin: private::Field::optional("dmin", private::Float64::empty()),
            rms: private::Field::optional("rms", private::Float64::empty()),
            gap: private::Field::optional("gap", private::Float64::empty()),
            mag_type: private::Field::optional("magType", private::Text::empty()),
            r#type: private::Field::required("type", private::Text::empty()),
            title: private::Field::required("title", private::Text::empty()),
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
            (4, "time") => self.time.read(row, cursor),
            (7, "updated") => self.updated.read(row, cursor),
            (2, "tz") => self.tz.read(row, cursor),
            (3, "url") => self.url.read(row, cursor),
            (6, "detail") => self.detail.read(row, cursor),
            (4, "felt") => self.felt.read(row, cursor),
            (3, "cdi") => self.cdi.read(row, cursor),
            (3, "mmi") => self.mmi.read(row, cursor),
            (5, "alert") => self.alert.read(row, cursor),
            (6, "status") => self.status.read(row, cursor),
            (7, "tsunami") => self.tsunami.read(row, cursor),
            (3, "sig") => self.sig.read(row, cursor),
            (3, "net") => self.net.read(row, cursor),
            (4, "code") => self.code.read(row, cursor),
            (3, "ids") => self.ids.read(row, cursor),
            (7, "sources") => self.sources.read(row, cursor),
            (5, "types") => self.types.read(row, cursor),
            (3, "nst") => self.nst.read(row, cursor),
            (4, "dmin") => self.dmin.read(row, cursor),
            (3, "rms") => self.rms.read(row, cursor),
            (3, "gap") => self.gap.read(row, cursor),
            (7, "magType") => self.mag_type.read(row, cursor),
            (4, "type") => self.r#type.read(row, cursor),
            (5, "title") => self.title.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.mag)?;
        visitor.field(&mut self.place)?;
        visitor.field(&mut self.time)?;
        visitor.field(&mut self.updated)?;
        visitor.field(&mut self.tz)?;
        visitor.field(&mut self.url)?;
        visitor.field(&mut self.detail)?;
        visitor.field(&mut self.felt)?;
        visitor.field(&mut self.cdi)?;
        visitor.field(&mut self.mmi)?;
        visitor.field(&mut self.alert)?;
        visitor.field(&mut self.status)?;
        visitor.field(&mut self.tsunami)?;
        visitor.field(&mut self.sig)?;
        visitor.field(&mut self.net)?;
        visitor.field(&mut self.code)?;
        visitor.field(&mut self.ids)?;
        visitor.field(&mut self.sources)?;
        visitor.field(&mut self.types)?;
        visitor.field(&mut self.nst)?;
        visitor.field(&mut self.dmin)?;
        visitor.field(&mut self.rms)?;
        visitor.field(&mut self.gap)?;
        visitor.field(&mut self.mag_type)?;
        visitor.field(&mut self.r#type)?;
        visitor.field(&mut self.title)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
/// The record in `geometry`.
pub(super) struct RecordGeometry {
    r#type: private::Field<private::Text>,
    coordinates: private::Field<private::List<private::Float64>>,
    unread: private::Unread,
}
impl ::core::default::Default for RecordGeometry {
    fn default() -> Self {
        Self {
            r#type: private::Field::required("type", private::Text::empty()),
            coordinates: private::Field::required(
                "coordinates",
                private::List::required(private::Float64::empty()),
            ),
            unread: private::Unread::beside(&[]),
        }
    }
}
impl private::Record for RecordGeometry {
    fn member(
        &mut self,
        key: &str,
        row: usize,
        cursor: &mut private::Cursor<'_>,
    ) -> ::core::result::Result<(), private::Fault> {
        match (key.len(), key) {
            (4, "type") => self.r#type.read(row, cursor),
            (11, "coordinates") => self.coordinates.read(row, cursor),
            _ => self.unread.skip(key, cursor),
        }
    }
    fn each<V: private::Visit>(
        &mut self,
        visitor: &mut V,
    ) -> ::core::result::Result<(), V::Error> {
        visitor.field(&mut self.r#type)?;
        visitor.field(&mut self.coordinates)?;
        ::core::result::Result::Ok(())
    }
    fn unread(&self) -> ::core::option::Option<&private::Unread> {
        ::core::option::Option::Some(&self.unread)
    }
}
