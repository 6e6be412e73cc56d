use dauphin_api::{Column, Points, Route};
use dauphin_core::{Growth, ScopeRows};
use dauphin_model::Day;

/// The points of a route, from the rows of the scope it was asked for.
pub fn points(route: Route, rows: &ScopeRows, window: u16, first: Day, length: u16) -> Points {
    let names = route.columns();
    let columns = match route {
        Route::Dau | Route::FrenchDau | Route::Mau | Route::FrenchMau | Route::ActiveUsers => {
            vec![Column::integers(names[0], rows.active(window, first, length))]
        }
        Route::NewUsers => vec![Column::integers(names[0], rows.new_users(first, length))],
        Route::Growth => {
            let growth = rows.growth(window, first, length);
            let parts: [fn(&Growth) -> i64; 5] =
                [|g| g.active, |g| g.new, |g| g.resurrected, |g| g.retained, |g| g.churned];
            let column = |(name, part): (&&'static str, fn(&Growth) -> i64)| {
                Column::integers(name, growth.iter().map(part).collect())
            };
            names.iter().zip(parts).map(column).collect()
        }
        Route::Stickiness => {
            let (dau, active) = (rows.active(1, first, length), rows.active(window, first, length));
            let ratio = |(dau, active): (&i64, &i64)| if *active == 0 { 0.0 } else { *dau as f64 / *active as f64 };
            let stickiness = dau.iter().zip(&active).map(ratio).collect();
            vec![
                Column::integers(names[0], dau),
                Column::integers(names[1], active),
                Column::ratios(names[2], stickiness),
            ]
        }
    };
    Points { first, columns }
}
