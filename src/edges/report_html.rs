//! A report as one file of HTML that needs nothing else: its style is in it, it has no script, and it prints.
//!
//! Invariant: every value is escaped; the classes are those of the dashboard's own page of reports, so one style sheet serves both.

use crate::domain::report::{Report, Table, Unit};
use std::fmt::Write;

const TOKENS: &str = include_str!("../../style/tokens.css");
const STYLE: &str = include_str!("../../style/report.css");
const ALONE: &str = include_str!("../../style/report_alone.css");

/// What the page may load: nothing; its style is inline.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
#[must_use]
pub fn page(r: &Report) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let title = escape(&r.title);
    // The face is a file of the server's; a file that stands alone takes what the machine has.
    let tokens = TOKENS.split_once("}\n:root").map_or(TOKENS, |(_, rest)| rest);
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} · Data in Motion</title>\n\
         <style>\n:root{tokens}\n{STYLE}\n{ALONE}</style>\n</head>\n<body>\n<main class=\"report\">\n\
         <header class=\"report-head\"><h1>{title}</h1><p>{}</p><p class=\"muted\">Data in Motion · {} · made {}</p></header>\n",
        escape(&r.lead),
        escape(&r.span()),
        escape(&crate::domain::report::Cell::from(r.made_at).show(Unit::Time)),
    );
    out.push_str("<dl class=\"report-figures\">\n");
    for f in &r.figures {
        let _ = writeln!(
            out,
            "<div><dt>{}</dt><dd>{}</dd><dd class=\"muted\">{}</dd></div>",
            escape(&f.label),
            escape(&f.value.show(f.unit)),
            escape(&f.note)
        );
    }
    out.push_str("</dl>\n");
    for t in &r.tables {
        table(&mut out, t);
    }
    out.push_str("<section class=\"report-notes\"><h2>How to read this</h2><ul>\n");
    for note in &r.notes {
        let _ = writeln!(out, "<li>{}</li>", escape(note));
    }
    out.push_str("</ul></section>\n</main>\n</body>\n</html>\n");
    out
}

fn table(out: &mut String, t: &Table) {
    let _ = writeln!(
        out,
        "<section class=\"report-table\"><h2>{}</h2>",
        escape(&t.title)
    );
    if let Some(lead) = &t.lead {
        let _ = writeln!(out, "<p class=\"muted\">{}</p>", escape(lead));
    }
    if t.rows.is_empty() {
        let _ = writeln!(out, "<p>{}</p></section>", escape(&t.empty));
        return;
    }
    out.push_str("<table>\n<thead><tr>");
    for (_, c) in t.shown() {
        let _ = write!(
            out,
            "<th scope=\"col\"{}>{}</th>",
            if c.unit.is_number() { " class=\"num\"" } else { "" },
            escape(&c.title)
        );
    }
    if t.pair.is_some() {
        out.push_str("<th scope=\"col\">Both</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let longest = t.longest();
    for row in &t.rows {
        out.push_str("<tr>");
        for (i, c) in t.shown() {
            let text = row.get(i).map_or_else(String::new, |cell| cell.show(c.unit));
            let _ = write!(out, "<td{}>{}</td>", class(c.unit), escape(&text));
        }
        if let Some(pair) = t.pair {
            let width = |at: usize| {
                let value = row.get(at).map_or(0.0, crate::domain::report::Cell::amount);
                if longest > 0.0 {
                    value.abs() / longest * 100.0
                } else {
                    0.0
                }
            };
            let _ = write!(
                out,
                "<td class=\"bars\"><svg class=\"pair-bars\" viewBox=\"0 0 100 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
                 <rect class=\"s1\" y=\"2\" width=\"{:.1}\" height=\"7\"/><rect class=\"s2\" y=\"11\" width=\"{:.1}\" height=\"7\"/></svg></td>",
                width(pair.first),
                width(pair.second)
            );
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n");
    if let Some(total) = &t.total {
        out.push_str("<tfoot><tr>");
        for (i, c) in t.shown() {
            let text = match total.get(i) {
                Some(crate::domain::report::Cell::Empty) | None => String::new(),
                Some(cell) => cell.show(c.unit),
            };
            let _ = write!(out, "<td{}>{}</td>", class(c.unit), escape(&text));
        }
        if t.pair.is_some() {
            out.push_str("<td></td>");
        }
        out.push_str("</tr></tfoot>\n");
    }
    out.push_str("</table>\n");
    if t.left_out() > 0 {
        let _ = writeln!(
            out,
            "<p class=\"muted\">{} of {} rows; sums are over all.</p>",
            t.rows.len(),
            t.row_count
        );
    }
    out.push_str("</section>\n");
}

fn class(unit: Unit) -> &'static str {
    match unit {
        Unit::Code => " class=\"mono\"",
        unit if unit.is_number() => " class=\"num\"",
        _ => "",
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::{Column, ReportName};
    use crate::domain::unit::Timestamp;

    #[test]
    fn a_name_is_text_and_never_markup_and_the_page_loads_nothing() {
        let mut report = Report::new(ReportName::Moves, Some(30), Timestamp(0), "t");
        let mut table = Table::new("t", "T", vec![Column::new("n", "Name", Unit::Text)], "none");
        table.push(vec!["<script>alert('x')</script>".into()]);
        report.tables.push(table);
        let html = page(&report);
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(
            !html.contains("<script") && !html.contains("url(") && !html.contains("http"),
            "{html}"
        );
        assert!(html.contains("the last 30 days"));
    }
}
