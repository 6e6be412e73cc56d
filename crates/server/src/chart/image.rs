use anyhow::{Context as _, anyhow};
use dauphin_api::Points;
use plotters::prelude::{BitMapBackend, FontStyle, IntoDrawingArea as _, SVGBackend};
use plotters::style::register_font;

use super::paper::{FINENESS, GRID, Medium, Paper, SIZE, Weight};
use super::{ChartTitle, picture};

/// The font that travels with the program: a bare machine has none.
const BUNDLED: &str = "Ubuntu Light";

/// What whoever opens an SVG is likely to have.
const GENERIC: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif";

/// Bytes a pixel: red, green and blue.
const CHANNELS: usize = 3;

/// The chart as an SVG document, 1200 by 630. Text stays text, in the reader's font.
pub fn svg(points: &Points, title: &ChartTitle) -> anyhow::Result<String> {
    // Text is measured with the bundled font, under the name the document gives.
    register(GENERIC)?;
    let medium = Medium { family: GENERIC, size_an_em: 1.24, baseline: 0.76 / 1.24, thickening: |_| 0.0 };
    let mut document = String::new();
    {
        let area = SVGBackend::with_string(&mut document, GRID).into_drawing_area();
        let paper = Paper::new(&area, medium).context("draw the chart")?;
        picture::draw(&paper, points, title).context("draw the chart")?;
    }
    // Drawn on a grid finer than the image and shown at its size: the view box stays, width and height are the image's.
    let grid = format!("<svg width=\"{}\" height=\"{}\"", GRID.0, GRID.1);
    Ok(document.replacen(&grid, &format!("<svg width=\"{}\" height=\"{}\"", SIZE.0, SIZE.1), 1))
}

/// The chart as a PNG file, 1200 by 630 pixels.
pub fn png(points: &Points, title: &ChartTitle) -> anyhow::Result<Vec<u8>> {
    register(BUNDLED)?;
    let medium = Medium {
        family: BUNDLED,
        size_an_em: 1.149,
        baseline: 0.5,
        thickening: |weight| match weight {
            Weight::Regular => 0.02,
            Weight::Bold => 0.055,
        },
    };
    let mut fine = vec![0; index(GRID.0) * index(GRID.1) * CHANNELS];
    {
        let area = BitMapBackend::with_buffer(&mut fine, GRID).into_drawing_area();
        let paper = Paper::new(&area, medium).context("draw the chart")?;
        picture::draw(&paper, points, title).context("draw the chart")?;
    }
    encode(&averaged(&fine)).context("encode the chart as PNG")
}

fn register(family: &str) -> anyhow::Result<()> {
    register_font(family, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the bundled font cannot be read"))
}

/// Each pixel of the image is the mean of the square of grid steps below it.
fn averaged(fine: &[u8]) -> Vec<u8> {
    let (width, fineness) = (index(GRID.0), index(FINENESS));
    let mut pixels = Vec::with_capacity(fine.len() / (fineness * fineness));
    let mut sums = vec![0_u32; width / fineness * CHANNELS];
    for rows in fine.chunks_exact(width * CHANNELS * fineness) {
        sums.fill(0);
        for row in rows.chunks_exact(width * CHANNELS) {
            for (square, sum) in row.chunks_exact(CHANNELS * fineness).zip(sums.chunks_exact_mut(CHANNELS)) {
                for (position, &value) in square.iter().enumerate() {
                    sum[position % CHANNELS] += u32::from(value);
                }
            }
        }
        let steps = FINENESS * FINENESS;
        pixels.extend(sums.iter().map(|&sum| u8::try_from((sum + steps / 2) / steps).expect("a mean of bytes")));
    }
    pixels
}

fn encode(pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, GRID.0 / FINENESS, GRID.1 / FINENESS);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

fn index(length: u32) -> usize {
    usize::try_from(length).expect("a length of a few thousand")
}

#[cfg(test)]
mod tests {
    use dauphin_api::{Column, Route};
    use dauphin_model::Day;

    use super::*;

    fn points(columns: Vec<Column>) -> Points {
        Points::daily(Day::parse("2018-06-26").unwrap(), columns)
    }

    fn growth(new: i64, count: usize) -> Points {
        let column = |name, value| Column::integers(name, vec![value; count]);
        points(vec![
            column("active", 40),
            column("new", new),
            column("resurrected", 2),
            column("retained", 30),
            column("churned", 5),
        ])
    }

    /// The texts of the document, one after the other.
    fn texts(document: &str) -> Vec<&str> {
        let after_tag = |part: &'static str| move |text: &str| text.find(part).map(|at| at + part.len());
        document
            .split("<text ")
            .skip(1)
            .filter_map(|text| Some(text[after_tag(">")(text)?..text.find("</text>")?].trim()))
            .collect()
    }

    #[test]
    fn the_document_says_what_the_series_says() {
        let points = points(vec![Column::integers("dau", vec![900, 1200, 1234])]);
        let document = svg(&points, &ChartTitle::of(Route::Dau, 1, Some("a<b&c"), "Europe/Paris")).unwrap();
        assert!(document.starts_with("<svg width=\"1200\" height=\"630\" viewBox="), "{document}");
        let texts = texts(&document);
        for expected in [
            "Daily active users",
            "a&lt;b&amp;c · Europe/Paris · 26 Jun to 28 Jun 2018",
            "1,234",
            "on 28 Jun 2018",
            "Tue 26 Jun",
            "Thu 28 Jun",
            "0",
            "1,250",
            "900",
        ] {
            assert!(texts.contains(&expected), "{expected} in {texts:?}");
        }
        assert_eq!(svg(&points, &ChartTitle::of(Route::Dau, 1, Some("a<b&c"), "Europe/Paris")).unwrap(), document);
    }

    #[test]
    fn growth_has_a_legend_and_a_balance() {
        let document = svg(&growth(10, 10), &ChartTitle::of(Route::Growth, 30, None, "UTC")).unwrap();
        let texts = texts(&document);
        for expected in ["new", "resurrected", "churned", "net", "+70", "net change over these days", "\u{2212}5"] {
            assert!(texts.contains(&expected), "{expected} in {texts:?}");
        }
    }

    #[test]
    fn a_picture_has_its_size_and_is_not_blank() {
        let title = ChartTitle::of(Route::Mau, 30, None, "UTC");
        let file = png(&points(vec![Column::integers("mau", (0..60).collect())]), &title).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (1200, 630, png::ColorType::Rgb));
        let inked = pixels.chunks_exact(3).filter(|pixel| *pixel != [255, 255, 255]).count();
        // The area below the line alone covers about a fifth of the paper.
        assert!((100_000..400_000).contains(&inked), "{inked}");
    }

    #[test]
    fn every_shape_of_series_can_be_drawn() {
        let title = ChartTitle::of(Route::Dau, 1, Some(&"very-long-".repeat(25)), "America/Argentina/ComodRivadavia");
        for count in [0, 1, 2, 10, 100] {
            for value in [0, 1, -7, 1_000_000_000_000_000] {
                svg(&points(vec![Column::integers("dau", vec![value; count])]), &title).unwrap();
                svg(&growth(value, count), &title).unwrap();
            }
            svg(&points(vec![Column::ratios("stickiness", vec![0.0; count])]), &title).unwrap();
        }
        svg(&points(vec![]), &title).unwrap();
        // One of each picture, as a bitmap.
        for points in [growth(0, 1), points(vec![Column::integers("dau", vec![0])]), points(vec![])] {
            png(&points, &title).unwrap();
        }
    }
}
