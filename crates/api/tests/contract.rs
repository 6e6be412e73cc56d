//! The contract's own examples, as tables, and the promise that nothing a client writes makes the server stumble.

use dauphin_api::{ApiError, Route, SeriesParameters};
use dauphin_model::{AsOf, Instant, Zone, parse_instant};
use proptest::prelude::*;

fn route_named(word: &str) -> Route {
    match word {
        "dau" => Route::Dau,
        "mau" => Route::Mau,
        "growth" => Route::Growth,
        "active" => Route::ActiveUsers,
        "fr" => Route::FrenchDau,
        other => panic!("the table names a route `{other}`"),
    }
}

/// One line: route, zone, now, query and, after `=>`, `first..last`, then what is not a default. `-` is an empty query.
fn check(table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (request, expected) = line.split_once("=>").expect("a line has `=>`");
        let words: Vec<&str> = request.split_whitespace().collect();
        let [route, zone, now, query] = words[..] else { panic!("a request has four words: {line}") };
        let zone = Zone::named(zone).expect("the table names a zone");
        let now = parse_instant(now, &Zone::utc()).expect("the table names a time");
        let query = if query == "-" { "" } else { query };
        let answer = match SeriesParameters::read(route_named(route), query, None, now, &zone) {
            Err(error) => {
                assert_eq!(error.status(), 400, "{line}");
                error.message().to_owned()
            }
            Ok(asked) => {
                assert_eq!(asked.last.since(asked.first) + 1, i32::from(asked.length), "{line}");
                let app_id = asked.app_id.map(|app_id| format!(" app {app_id}")).unwrap_or_default();
                let window = if asked.window == route_named(route).window_default() {
                    String::new()
                } else {
                    format!(" window {}", asked.window)
                };
                let as_of = match asked.as_of {
                    AsOf::Now => String::new(),
                    AsOf::Day(day) => format!(" as of {day}"),
                    AsOf::OwnDay => " frozen".to_owned(),
                };
                let explained = if asked.explain { " explained" } else { "" };
                format!("{}..{}{app_id}{window}{as_of}{explained}", asked.first, asked.last)
            }
        };
        assert_eq!(answer, expected.trim(), "{line}");
    }
}

#[test]
fn the_days_of_a_series() {
    check(
        "
        dau UTC             2018-07-10T12:00:00Z length=7&ending_at=2018-06-28T23:59:59-05:00&app_id=cargo => 2018-06-23..2018-06-29 app cargo
        dau America/Chicago 2018-07-10T12:00:00Z length=7&ending_at=2018-06-28T23:59:59-05:00&app_id=cargo => 2018-06-22..2018-06-28 app cargo
        dau UTC             2018-07-10T12:00:00Z length=10&ending_at=2018-06-28T23:59:59-5:00&app_id=cargo => 2018-06-20..2018-06-29 app cargo
        dau America/Chicago 2018-07-10T12:00:00Z length=10&ending_at=2018-06-28T23%3A59%3A59-5%3A00 => 2018-06-19..2018-06-28
        dau UTC             2023-01-01T00:00:00Z ending_at=2022-12-09&length=99 => 2022-09-01..2022-12-08
        dau UTC             2023-01-01T00:00:00Z ending_at=2022-12-15&length=6  => 2022-12-09..2022-12-14
        dau Asia/Tokyo      2023-01-01T00:00:00Z ending_at=2022-12-15&length=6  => 2022-12-09..2022-12-14
        dau America/Chicago 2023-01-01T00:00:00Z ending_at=2022-12-15T00:00:00&length=1 => 2022-12-14..2022-12-14
        dau UTC             2026-10-02T00:00:00Z length=1&ending_at=2026-10-01T12:34:56.789012+00:00 => 2026-10-01..2026-10-01
        dau UTC             2026-10-02T00:00:00Z length=1&ending_at=2026-10-01T12:34:56.789012%2B00:00 => 2026-10-01..2026-10-01
        dau UTC             2026-10-02T00:00:00Z length=1&ending_at=2019-02-15+00:00:00+-0500 => 2019-02-15..2019-02-15
        ",
    );
}

#[test]
fn the_end_is_now_unless_told() {
    check(
        "
        dau UTC             2018-06-28T12:00:00Z length=1                                  => 2018-06-28..2018-06-28
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=                       => 2018-06-28..2018-06-28
        dau UTC             2018-06-28T00:00:00Z length=1                                  => 2018-06-27..2018-06-27
        dau America/Chicago 2018-06-28T04:59:59Z length=2                                  => 2018-06-26..2018-06-27
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=2018-06-29             => 2018-06-28..2018-06-28
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=2018-06-30T12:00:00Z   => 2018-06-28..2018-06-28
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=2018-06-30T12:00:01Z   => `ending_at` is `2018-06-30T12:00:01Z`; it must be at most 48 hours ahead of the present
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=yesterday              => `ending_at` is `yesterday`; it must be a time like `2018-06-28T23:59:59-05:00` or a date like `2018-06-28`
        dau UTC             2018-06-28T12:00:00Z length=1&ending_at=2018-02-30             => `ending_at` is `2018-02-30`; it must be a time like `2018-06-28T23:59:59-05:00` or a date like `2018-06-28`
        dau UTC             2018-06-28T12:00:00Z length=100&ending_at=0001-02-01           => `ending_at` is `0001-02-01`; the series would begin before 0001-01-01
        dau UTC             2018-06-28T12:00:00Z length=1&ending_date=2010-01-01&unit=day  => 2018-06-28..2018-06-28
        ",
    );
}

#[test]
fn the_length_is_a_whole_number_up_to_a_hundred() {
    check(
        "
        dau UTC 2018-06-28T12:00:00Z -             => `length` is missing; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length        => `length` is empty; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=       => `length` is empty; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=0      => `length` is `0`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=101    => `length` is `101`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=-1     => `length` is `-1`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=%2B7   => `length` is `+7`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=1.5    => `length` is `1.5`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=abc    => `length` is `abc`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=+7     => `length` is ` 7`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=٧      => `length` is `٧`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=0007   => `length` is `0007`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=7%0A   => `length` is `7\\n`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=123456789012345678901234567890 => `length` is `123456789012345678901234567890`; it must be a whole number from 1 to 100
        dau UTC 2018-06-28T12:00:00Z length=%ff    => the value of `length` is not UTF-8; percent-encode it as UTF-8
        dau UTC 2018-06-28T12:00:00Z length=7&%ff=1 => the parameter name `�` is not UTF-8; percent-encode it as UTF-8
        dau UTC 2018-06-28T12:00:00Z length=007    => 2018-06-22..2018-06-28
        dau UTC 2018-06-28T12:00:00Z length=100    => 2018-03-21..2018-06-28
        dau UTC 2018-06-28T12:00:00Z length=1&length=1   => `length` is given twice; give it once, under one name
        dau UTC 2018-06-28T12:00:00Z length=1&app_id=&app_id=a => `app_id` is given twice; give it once, under one name
        dau UTC 2018-06-28T12:00:00Z length=1&api_key=a&api_key=b => `api_key` is given twice; give it once, under one name
        ",
    );
}

#[test]
fn an_app_a_window_and_a_format_are_optional() {
    check(
        "
        dau    UTC 2018-06-28T12:00:00Z length=1&app_id=            => 2018-06-28..2018-06-28
        dau    UTC 2018-06-28T12:00:00Z length=1&app_id=%F0%9F%9A%A2 => 2018-06-28..2018-06-28 app 🚢
        dau    UTC 2018-06-28T12:00:00Z length=1&window=x           => 2018-06-28..2018-06-28
        mau    UTC 2018-06-28T12:00:00Z length=1&window=7           => 2018-06-28..2018-06-28
        active UTC 2018-06-28T12:00:00Z length=1&window=7           => 2018-06-28..2018-06-28 window 7
        active UTC 2018-06-28T12:00:00Z length=1&window=            => 2018-06-28..2018-06-28
        growth UTC 2018-06-28T12:00:00Z length=1&window=366         => 2018-06-28..2018-06-28 window 366
        growth UTC 2018-06-28T12:00:00Z length=1&window=0           => `window` is `0`; it must be a whole number of days from 1 to 366
        growth UTC 2018-06-28T12:00:00Z length=1&window=367         => `window` is `367`; it must be a whole number of days from 1 to 366
        growth UTC 2018-06-28T12:00:00Z length=1&window=1&window=1  => `window` is given twice; give it once, under one name
        dau    UTC 2018-06-28T12:00:00Z length=1&format=xml         => `format` is `xml`; it must be `json` or `csv`
        dau    UTC 2018-06-28T12:00:00Z length=1&as_of=&mode=&explain= => 2018-06-28..2018-06-28
        dau    UTC 2018-06-28T12:00:00Z length=1&explain=0          => 2018-06-28..2018-06-28
        dau    UTC 2018-06-28T12:00:00Z length=1&explain=true       => 2018-06-28..2018-06-28 explained
        dau    UTC 2018-06-28T12:00:00Z length=1&explain=1&as_of=2018-06-27&mode=current => 2018-06-28..2018-06-28 as of 2018-06-27 explained
        mau    UTC 2018-06-28T12:00:00Z length=1&mode=frozen        => 2018-06-28..2018-06-28 frozen
        dau    UTC 2018-06-28T12:00:00Z length=1&as_of=2018-06-28   => 2018-06-28..2018-06-28
        dau    UTC 2018-06-28T12:00:00Z length=1&as_of=9999-01-01   => 2018-06-28..2018-06-28
        dau    Asia/Tokyo 2018-06-28T12:00:00Z length=1&as_of=2018-06-26T15:00:00Z => 2018-06-28..2018-06-28 as of 2018-06-27
        dau    UTC 2018-06-28T12:00:00Z length=1&as_of=then         => `as_of` is `then`; it must be a time like `2018-06-28T23:59:59-05:00` or a date like `2018-06-28`
        dau    UTC 2018-06-28T12:00:00Z length=1&explain=yes        => `explain` is `yes`; it must be `true` or `false`
        dau    UTC 2018-06-28T12:00:00Z length=1&mode=Frozen        => `mode` is `Frozen`; it must be `current` or `frozen`
        dau    UTC 2018-06-28T12:00:00Z length=1&mode=frozen&as_of=2018-06-27 => `as_of` cannot be given with `mode` `frozen`, which shows each point as of its own day; remove one of them
        dau    UTC 2018-06-28T12:00:00Z length=1&mode=frozen&explain=1 => `explain` cannot be given with `mode` `frozen`, which shows each point as of its own day; remove one of them
        dau    UTC 2018-06-28T12:00:00Z length=1&mode=frozen&explain=0 => 2018-06-28..2018-06-28 frozen
        ",
    );
}

#[test]
fn the_french_page_is_taken_at_its_word() {
    check(
        "
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=7&finalisation_%C3%A0=2018-06-28T23:59:59-05:00&app_id=cargo => 2018-06-23..2018-06-29 app cargo
        fr Europe/Paris 2018-07-10T12:00:00Z longueur=7&finalisation_a%CC%80=2018-06-28   => 2018-06-21..2018-06-27
        fr Europe/Paris 2018-07-10T12:00:00Z length=7&ending_at=2018-06-28   => 2018-06-21..2018-06-27
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=400  => `Longueur` vaut `400` ; il faut un nombre entier de 1 à 100
        fr Europe/Paris 2018-07-10T12:00:00Z length=400    => `length` vaut `400` ; il faut un nombre entier de 1 à 100
        fr Europe/Paris 2018-07-10T12:00:00Z -             => `Longueur` est absent ; il faut un nombre entier de 1 à 100
        fr Europe/Paris 2018-07-10T12:00:00Z longueur=     => `longueur` est vide ; il faut un nombre entier de 1 à 100
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=1&length=1  => `length` est donné deux fois ; donnez-le une seule fois, sous un seul nom
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=1&finalisation_a=&finalisation_%C3%A0=  => `finalisation_à` est donné deux fois ; donnez-le une seule fois, sous un seul nom
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=1&finalisation_a=hier => `finalisation_a` vaut `hier` ; il faut un instant comme `2018-06-28T23:59:59-05:00` ou une date comme `2018-06-28`
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=1&explain=oui => `explain` vaut `oui` ; il faut `true` ou `false`
        fr Europe/Paris 2018-07-10T12:00:00Z Longueur=1&as_of=2018-07-01 => 2018-07-10..2018-07-10 as of 2018-07-01
        ",
    );
}

#[test]
fn points_may_be_hours_where_the_route_takes_a_unit() {
    let now = Instant::new(1_530_187_200, 0).unwrap(); // 2018-06-28T12:00:00Z
    let zone = Zone::named("America/Chicago").unwrap();
    let read = |route, query: &str| SeriesParameters::read(route, query, None, now, &zone);
    let hours = |query: &str| {
        let asked = read(Route::Sessions, query).unwrap();
        let hours = asked.hours.unwrap();
        assert_eq!((hours.len(), hours[0].day), (usize::from(asked.length), asked.first), "{query}");
        assert_eq!(hours.last().unwrap().day, asked.last, "{query}");
        let text = |index: usize| zone.rfc3339(hours[index].start);
        [text(0), text(hours.len() - 1)]
    };
    let now_hour = "2018-06-28T06:00:00-05:00".to_owned();
    assert_eq!(hours("length=1&unit=hour"), [now_hour.clone(), now_hour.clone()]);
    assert_eq!(hours("length=8&unit=hour"), ["2018-06-27T23:00:00-05:00".to_owned(), now_hour]);
    let midnight = "2018-06-27T23:00:00-05:00".to_owned();
    assert_eq!(hours("length=1&unit=hour&ending_at=2018-06-28"), [midnight.clone(), midnight]);
    for query in ["length=1", "length=1&unit=", "length=1&unit=day"] {
        assert_eq!(read(Route::Sessions, query).unwrap().hours, None, "{query}");
    }
    // Elsewhere it is a parameter of another route, with whatever value.
    assert_eq!(read(Route::Dau, "length=1&unit=week").unwrap().hours, None);
    let error = read(Route::Sessions, "length=1&unit=week").unwrap_err();
    assert_eq!((error.status(), error.message()), (400, "`unit` is `week`; it must be `day` or `hour`"));
    let error = read(Route::Sessions, "length=100&unit=hour&ending_at=0001-01-03").unwrap_err();
    assert_eq!(error.message(), "`ending_at` is `0001-01-03`; the series would begin before 0001-01-01");
}

#[test]
fn the_format_is_the_parameters_before_the_headers() {
    use dauphin_api::Format::{Csv, Json};
    let now = Instant::new(1_530_187_200, 0).unwrap();
    for (query, accept, expected) in [
        ("length=1", None, Json),
        ("length=1", Some("text/csv"), Csv),
        ("length=1&format=", Some("text/csv"), Csv),
        ("length=1&format=json", Some("text/csv"), Json),
        ("length=1&format=csv", Some("application/json"), Csv),
    ] {
        let asked = SeriesParameters::read(Route::Dau, query, accept, now, &Zone::utc()).unwrap();
        assert_eq!(asked.format, expected, "{query} {accept:?}");
    }
}

/// Pieces of query strings, good and bad, so that random ones get past the first check.
fn query_strategy() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "length",
        "ending_at",
        "app_id",
        "window",
        "format",
        "as_of",
        "explain",
        "mode",
        "api_key",
        "Longueur",
        "finalisation_%C3%A0",
        "finalisation_a",
        "%",
        "%ff",
        "x",
    ]);
    let value = prop_oneof![
        Just("7".to_owned()),
        Just("2018-06-28T23:59:59-05:00".to_owned()),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "(%[0-9a-f]{2}){0,8}",
        "\\PC{0,80}",
        any::<String>(),
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

fn assert_is_json_with_a_message(error: &ApiError) {
    let mut body = Vec::new();
    error.write_json(&mut body);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("a body is JSON");
    assert!(json["message"].as_str().is_some_and(|message| !message.is_empty() && message.chars().count() < 900));
}

proptest! {
    #[test]
    fn no_query_string_makes_it_stumble(
        query in prop_oneof![query_strategy(), any::<String>()],
        accept: Option<String>,
        route in prop::sample::select(Route::ALL.to_vec()),
        now_seconds in -60_000_000_000_i64..250_000_000_000,
    ) {
        let now = Instant::new(now_seconds, 999).unwrap();
        let zone = Zone::named("America/Chicago").unwrap();
        match SeriesParameters::read(route, &query, accept.as_deref(), now, &zone) {
            Err(error) => {
                prop_assert_eq!(error.status(), 400);
                prop_assert!(error.has_no_side_effects());
                assert_is_json_with_a_message(&error);
            }
            Ok(asked) => {
                prop_assert!((1..=100).contains(&asked.length));
                prop_assert!((1..=366).contains(&asked.window));
                if asked.hours.is_none() {
                    prop_assert_eq!(asked.last.since(asked.first), i32::from(asked.length) - 1);
                }
                prop_assert!(asked.last <= zone.day_of(now));
            }
        }
    }
}
