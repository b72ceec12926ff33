//! Recommendations and prices for the pages.
