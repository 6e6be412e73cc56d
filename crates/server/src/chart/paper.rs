use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Size of a chart in its own units, which are pixels of the image: what link previews show uncut.
pub(super) const SIZE: (f64, f64) = (1200.0, 630.0);

/// Steps of the drawing library's whole-number grid in a unit. Lines and letters are placed this much finer than the
/// image; the bitmap is averaged down by the same factor, which smooths every edge.
pub(super) const FINENESS: u32 = 4;

/// The drawing library's grid.
pub(super) const GRID: (u32, u32) = (1200 * FINENESS, 630 * FINENESS);

pub(super) const INK: RGBColor = RGBColor(17, 24, 39);
pub(super) const INK_SOFT: RGBColor = RGBColor(75, 85, 99);
pub(super) const RULE: RGBColor = RGBColor(229, 231, 235);
pub(super) const RULE_STRONG: RGBColor = RGBColor(156, 163, 175);
pub(super) const BLUE: RGBColor = RGBColor(29, 78, 216);
pub(super) const SKY: RGBColor = RGBColor(56, 152, 236);
pub(super) const GREEN: RGBColor = RGBColor(5, 150, 105);
pub(super) const RED: RGBColor = RGBColor(225, 87, 60);

/// How a backend treats text: the drawing library's two measure it differently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium {
    /// The family's name.
    pub(super) family: &'static str,
    /// The library's font size for letters of one em.
    pub(super) size_an_em: f64,
    /// From the top of a text, where it is placed, down to its baseline, in parts of that font size.
    pub(super) baseline: f64,
    /// How far each weight is drawn over itself to the right, in parts of an em, where the font has but one weight.
    pub(super) thickening: fn(Weight) -> f64,
}

/// How heavy letters are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lettering {
    /// Height of the letters' em.
    pub(super) em: f64,
    pub(super) weight: Weight,
    pub(super) color: RGBColor,
}

/// Where a text lies from its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// It begins there.
    Right,
    /// It ends there.
    Left,
    /// It is centred there.
    Middle,
}

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Something to draw on in the chart's own units, the origin at the top left.
pub(super) struct Paper<B: DrawingBackend> {
    area: DrawingArea<B, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    medium: Medium,
}

impl<B: DrawingBackend> Paper<B> {
    /// White paper.
    pub(super) fn new(
        area: &DrawingArea<B, Shift>,
        medium: Medium,
    ) -> Result<Self, DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let grid = |size: u32| -> Range<i32> { 0..i32::try_from(size).expect("a few thousand") };
        let units = Cartesian2d::new(0.0..SIZE.0, 0.0..SIZE.1, (grid(GRID.0), grid(GRID.1)));
        Ok(Self { area: area.clone().apply_coord_spec(units), medium })
    }

    /// Finishes the drawing.
    pub(super) fn present(&self) -> Drawn<B> {
        self.area.present()
    }

    /// A line through points, `width` units wide.
    pub(super) fn line(&self, points: Vec<(f64, f64)>, width: f64, color: RGBColor) -> Drawn<B> {
        self.area.draw(&PathElement::new(points, color.stroke_width(steps(width))))
    }

    /// An area within points, as much of `color` as `strength` says, from 0 to 1.
    pub(super) fn polygon(&self, points: Vec<(f64, f64)>, color: RGBColor, strength: f64) -> Drawn<B> {
        self.area.draw(&Polygon::new(points, color.mix(strength)))
    }

    /// A filled rectangle between two corners.
    pub(super) fn rectangle(&self, corners: [(f64, f64); 2], color: RGBColor) -> Drawn<B> {
        self.area.draw(&Rectangle::new(corners, color.filled()))
    }

    /// A filled disc.
    pub(super) fn disc(&self, center: (f64, f64), radius: f64, color: RGBColor) -> Drawn<B> {
        self.area.draw(&Circle::new(center, steps(radius), color.filled()))
    }

    /// A text whose baseline is at `place`.
    pub(super) fn text(&self, text: &str, place: (f64, f64), side: Side, look: Lettering) -> Drawn<B> {
        let position = match side {
            Side::Right => HPos::Left,
            Side::Left => HPos::Right,
            Side::Middle => HPos::Center,
        };
        let font_size = look.em * self.medium.size_an_em;
        let top = place.1 - font_size * self.medium.baseline;
        let style = TextStyle::from(self.font(look)).pos(Pos::new(position, VPos::Top)).color(&look.color);
        let thickening = (self.medium.thickening)(look.weight) * look.em;
        let mut shift = 0.0;
        loop {
            self.area.draw(&Text::new(text.to_owned(), (place.0 + shift - thickening / 2.0, top), style.clone()))?;
            shift += 1.0 / f64::from(FINENESS);
            if shift > thickening {
                return Ok(());
            }
        }
    }

    /// How wide a text is, about: whoever reads an SVG may have another font.
    pub(super) fn text_width(&self, text: &str, look: Lettering) -> Result<f64, DrawingAreaErrorKind<B::ErrorType>> {
        let (width, _) = self.area.estimate_text_size(text, &TextStyle::from(self.font(look)))?;
        Ok(f64::from(width) / f64::from(FINENESS))
    }

    fn font(&self, look: Lettering) -> FontDesc<'static> {
        let style = match look.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        };
        let size = look.em * self.medium.size_an_em * f64::from(FINENESS);
        FontDesc::new(FontFamily::Name(self.medium.family), size, style)
    }
}

/// Units as steps of the grid, for lengths that the library wants whole.
fn steps(units: f64) -> u32 {
    let wanted = units * f64::from(FINENESS);
    (1..GRID.0).find(|&steps| f64::from(steps) >= wanted - 0.5).unwrap_or(GRID.0)
}
