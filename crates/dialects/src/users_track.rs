//! Bodies of Braze's `/users/track`: attributes, events and purchases become messages, element by element.

use std::borrow::Cow;

use dauphin_model::{Identity, Instant, Zone, parse_instant};
use serde::Deserialize;

use crate::braze_identity::{Names, required};
use crate::error::BodyError;
use crate::json_body::{self, Field};
use crate::plain::{self, members};
use crate::{Event, EventKind, Message};

/// The three arrays of a body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TrackArray {
    /// What is known of people. Makes nobody active, but for the dates of the first and the last session.
    Attributes,
    /// What people did.
    Events,
    /// What people bought.
    Purchases,
}

impl TrackArray {
    /// All, in the order in which they are read.
    pub const ALL: [Self; 3] = [Self::Attributes, Self::Events, Self::Purchases];

    /// Its key in a body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::Events => "events",
            Self::Purchases => "purchases",
        }
    }
}

/// Which element of a body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TrackPlace {
    /// In which array.
    pub array: TrackArray,
    /// Counted from 0.
    pub index: usize,
}

/// What a body says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsersTrack<'a> {
    /// How many elements each array has, in the order of [`TrackArray::ALL`]; `None` where it was not sent.
    pub sent: [Option<usize>; 3],
    /// What the elements say; what one says, if it is more than one thing, comes together.
    pub said: Vec<(TrackPlace, Message<'a>)>,
    /// Which elements cannot be read, and why.
    pub refused: Vec<(TrackPlace, String)>,
}

/// The name by which a purchase is an event: whether it makes a user active is the workspace's `activity` setting.
const PURCHASE: &str = "purchase";

/// Braze counts a purchase of a quantity as so many purchases, up to this.
const QUANTITY_MAX: f64 = 100.0;

/// What Braze answers to an element that names nobody.
const NOBODY: &str = "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required";

/// Reads a body of at most `elements_max` elements. `zone` is whose local time a time without an offset is.
///
/// ```
/// use dauphin_dialects::read_users_track;
/// use dauphin_model::Zone;
///
/// let body = br#"{"events":[{"external_id":"ada","name":"opened","time":"2018-06-28T23:59:59-05:00"},{"name":"opened"}]}"#;
/// let track = read_users_track(body, &Zone::utc(), 75).unwrap();
/// assert_eq!((track.sent, track.said.len(), track.refused.len()), ([None, Some(2), None], 1, 1));
/// ```
pub fn read_users_track<'a>(body: &'a [u8], zone: &Zone, elements_max: usize) -> Result<UsersTrack<'a>, BodyError> {
    plain(body, zone, elements_max).map_or_else(|| by_library(body, zone, elements_max), Ok)
}

/// What a body says whose arrays and their elements are as nearly everybody writes them.
fn plain<'a>(body: &'a [u8], zone: &Zone, elements_max: usize) -> Option<UsersTrack<'a>> {
    let mut track = UsersTrack::default();
    let mut elements = 0;
    plain::members_of(body, |name, cursor| {
        let Some(array) = TrackArray::ALL.into_iter().find(|array| array.name() == name) else {
            return cursor.pass_value();
        };
        let mut index = 0;
        cursor.elements(|element| {
            elements += 1;
            let place = TrackPlace { array, index };
            match element {
                Ok(element) => track.take(place, element, zone),
                Err(element) => track.take_or_refuse(place, json_body::read_object(element), zone),
            }
            index += 1;
            (elements <= elements_max).then_some(())
        })?;
        track.sent[array as usize].replace(index).is_none().then_some(())
    })?;
    // The arrays of a body may come in any order.
    if !track.said.is_sorted_by_key(|(place, _)| place) {
        track.said.sort_by_key(|(place, _)| *place);
    }
    track.refused.sort_by_key(|(place, _)| *place);
    Some(track)
}

fn by_library<'a>(body: &'a [u8], zone: &Zone, elements_max: usize) -> Result<UsersTrack<'a>, BodyError> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Body<'a> {
        #[serde(borrow)]
        attributes: Field<'a>,
        #[serde(borrow)]
        events: Field<'a>,
        #[serde(borrow)]
        purchases: Field<'a>,
    }
    let Body { attributes, events, purchases } = json_body::read(body)?;
    let mut track = UsersTrack::default();
    let mut elements = 0;
    for (number, field) in [attributes, events, purchases].into_iter().enumerate() {
        let array = TrackArray::ALL[number];
        let mut index = 0;
        let is_there = field.objects(array.name(), &mut |element| {
            elements += 1;
            if elements > elements_max {
                return Err(too_many(elements_max));
            }
            track.take_or_refuse(TrackPlace { array, index }, element, zone);
            index += 1;
            Ok(())
        })?;
        track.sent[number] = is_there.then_some(index);
    }
    Ok(track)
}

fn too_many(elements_max: usize) -> BodyError {
    BodyError::Shape(format!(
        "A request takes at most {elements_max} attributes, events and purchases in all; send more of them in several \
         requests"
    ))
}

impl<'a> UsersTrack<'a> {
    fn take_or_refuse(&mut self, place: TrackPlace, element: Result<Element<'a>, String>, zone: &Zone) {
        match element {
            Ok(element) => self.take(place, &element, zone),
            Err(reason) => self.refused.push((place, reason)),
        }
    }

    fn take(&mut self, place: TrackPlace, element: &Element<'a>, zone: &Zone) {
        let said = self.said.len();
        if let Err(reason) = self.read(place, element, zone) {
            self.said.truncate(said);
            self.refused.push((place, reason));
        }
    }

    fn read(&mut self, place: TrackPlace, element: &Element<'a>, zone: &Zone) -> Result<(), String> {
        let who = element.names().identity()?.ok_or_else(|| NOBODY.to_owned())?;
        if place.array == TrackArray::Attributes {
            // Attributes make a user; that they are known is all that counts here.
            self.said.push((place, Message::Known { profile: Identity::clone(&who) }));
        }
        let mut say = |kind, instant, app_id| {
            let event = Event { who: Identity::clone(&who), app_id, instant: Some(instant), kind };
            self.said.push((place, Message::Event(event)));
        };
        match place.array {
            TrackArray::Attributes => {
                for (date, name) in [
                    (element.date_of_first_session, "date_of_first_session"),
                    (element.date_of_last_session, "date_of_last_session"),
                ] {
                    if let Some(instant) = instant(date, name, zone)? {
                        say(EventKind::Seen, instant, element.app_id()?);
                    }
                }
            }
            TrackArray::Events => {
                let name = required(element.name.text("name")?, "name")?;
                say(EventKind::Named(name), element.time(zone)?, element.app_id()?);
            }
            TrackArray::Purchases => {
                element.check_purchase()?;
                say(EventKind::Named(Cow::Borrowed(PURCHASE)), element.time(zone)?, element.app_id()?);
            }
        }
        Ok(())
    }
}

/// Every member that matters in one of the arrays; an array leaves those of the others unread.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Element<'a> {
    #[serde(borrow)]
    external_id: Field<'a>,
    #[serde(borrow)]
    user_alias: Field<'a>,
    #[serde(borrow)]
    braze_id: Field<'a>,
    #[serde(borrow)]
    email: Field<'a>,
    #[serde(borrow)]
    phone: Field<'a>,
    #[serde(borrow)]
    app_id: Field<'a>,
    #[serde(borrow)]
    name: Field<'a>,
    #[serde(borrow)]
    time: Field<'a>,
    #[serde(borrow)]
    product_id: Field<'a>,
    #[serde(borrow)]
    currency: Field<'a>,
    #[serde(borrow)]
    price: Field<'a>,
    #[serde(borrow)]
    quantity: Field<'a>,
    #[serde(borrow)]
    date_of_first_session: Field<'a>,
    #[serde(borrow)]
    date_of_last_session: Field<'a>,
}

members!(Element {
    "external_id" => external_id,
    "user_alias" => user_alias,
    "braze_id" => braze_id,
    "email" => email,
    "phone" => phone,
    "app_id" => app_id,
    "name" => name,
    "time" => time,
    "product_id" => product_id,
    "currency" => currency,
    "price" => price,
    "quantity" => quantity,
    "date_of_first_session" => date_of_first_session,
    "date_of_last_session" => date_of_last_session,
});

impl<'a> Element<'a> {
    const fn names(&self) -> Names<'a> {
        let Self { external_id, user_alias, braze_id, email, phone, .. } = *self;
        Names { external_id, user_alias, braze_id, email, phone }
    }

    fn app_id(&self) -> Result<Option<Cow<'a, str>>, String> {
        Ok(self.app_id.text("app_id")?.filter(|app_id| !app_id.is_empty()))
    }

    fn time(&self, zone: &Zone) -> Result<Instant, String> {
        instant(self.time, "time", zone)?.ok_or_else(|| "'time' is required".to_owned())
    }

    /// The members that a purchase must have. They decide nothing here, but who leaves them out learns of it as they
    /// would from Braze.
    fn check_purchase(&self) -> Result<(), String> {
        required(self.product_id.id("product_id")?, "product_id")?;
        let currency = required(self.currency.text("currency")?, "currency")?;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err("'currency' is not valid: it must be a code of three letters, like `EUR`".to_owned());
        }
        self.price.number("price")?.ok_or_else(|| "'price' is required".to_owned())?;
        let quantity = self.quantity.number("quantity")?.unwrap_or(1.0);
        if quantity.fract() != 0.0 || !(1.0..=QUANTITY_MAX).contains(&quantity) {
            return Err(format!("'quantity' is not valid: it must be a whole number from 1 to {QUANTITY_MAX}"));
        }
        Ok(())
    }
}

/// A time; an empty one is none.
fn instant(field: Field<'_>, name: &str, zone: &Zone) -> Result<Option<Instant>, String> {
    match field.text(name)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => parse_instant(&text, zone).map(Some).map_err(|error| format!("'{name}' is not valid: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plain::bodies;

    #[test]
    fn the_usual_body_is_met_here() {
        let body = br#"{"purchases" : [ ], "events":[{"external_id":"ada","name":"n","time":"2018-06-28","x":[{}]}, 7],
            "x": {"y":1.5e3}, "attributes":[{"external_id":"zo\u00e9","app_id":null,"date_of_last_session":"2018-06-28"}]}"#;
        let track = plain(body, &Zone::utc(), 3).unwrap();
        assert_eq!((track.sent, track.said.len(), track.refused.len()), ([Some(1), Some(2), Some(0)], 3, 1));
        assert_eq!(Ok(track), by_library(body, &Zone::utc(), 3));
        assert_eq!(plain(body, &Zone::utc(), 2), None);
    }

    proptest! {
        #[test]
        fn what_it_finds_is_what_the_library_finds(body in bodies(&[
            "attributes", "events", "purchases", "external_id", "user_alias", "email", "app_id", "name", "time",
            "product_id", "currency", "price", "quantity", "date_of_first_session", "alias_name", "alias_label",
        ])) {
            if let Some(track) = plain(&body, &Zone::utc(), 4) {
                prop_assert_eq!(Ok(track), by_library(&body, &Zone::utc(), 4));
            }
        }
    }
}
