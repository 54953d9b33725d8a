//! Bars of one figure for all servers, as an SVG of a few lines.

use super::figures::{Figure, Figures, text};
use super::servers::Make;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Pixels.
const BAR: usize = 18;
const GAP: usize = 22;
const LABELS: usize = 110;
const WIDTH: usize = 760;
const HEAD: usize = 58;

/// Draws a figure: a group of bars for each scenario, with a whisker for the half of the rounds in the middle.
///
/// # Errors
/// What the file system says.
pub fn bars(figures: &Figures, name: &str, unit: &str, subtitle: &str, path: &Path) -> io::Result<()> {
    let (scenarios, makes) = (figures.scenarios(name), figures.makes(name));
    let all = scenarios.iter().flat_map(|scenario| makes.iter().filter_map(|make| figures.get(name, scenario, *make)));
    let most = all.map(|figure| figure.quartiles()[2]).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABELS - 130) as f64 / most;
    let bars: usize = scenarios
        .iter()
        .map(|scenario| makes.iter().filter(|make| figures.get(name, scenario, **make).is_some()).count())
        .sum();
    let height = HEAD + bars * BAR + scenarios.len() * GAP + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"16\">{name}{}</text>\n<text x=\"10\" y=\"40\" fill=\"#555555\">{subtitle}</text>\n",
        if unit.is_empty() { String::new() } else { format!(" [{unit}]") }
    );
    let mut y = HEAD;
    for scenario in scenarios {
        writeln!(svg, "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{scenario}</text>", y + 10).expect("a string");
        y += GAP - 6;
        for make in &makes {
            if let Some(figure) = figures.get(name, scenario, *make) {
                bar(&mut svg, figure, *make, y, scale);
                y += BAR;
            }
        }
        y += 6;
    }
    svg += "</svg>\n";
    fs::write(path, svg)
}

fn bar(svg: &mut String, figure: &Figure, make: Make, y: usize, scale: f64) {
    let [low, median, high] = figure.quartiles();
    let (middle, end) = (y + BAR / 2, LABELS as f64 + high * scale + 6.0);
    let colour = match make {
        Make::Zhengming => "#b3202a",
        Make::Echo | Make::EchoAgain => "#bbbbbb",
        _ => "#5b7fa6",
    };
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
         <rect x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\
         <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#000000\"/><text x=\"{end:.1}\" y=\"{}\">{}</text>",
        LABELS - 6,
        middle + 4,
        make.name(),
        y + 2,
        median * scale,
        BAR - 4,
        LABELS as f64 + low * scale,
        LABELS as f64 + high * scale,
        middle + 4,
        text(median)
    )
    .expect("a string");
}
