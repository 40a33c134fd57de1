//! The state of a view in its URL: parameters in, links out.
//!
//! A search has the parameters of `GET /v1/search`, so that its URL becomes that of the API by a change of
//! the path. In addition a form may send `from` and `to`, which become a range of dates, and `order`.

use form_urlencoded::Serializer;

use crate::search::Mode;
use crate::server::problem::Problem;
use crate::server::routes::SEARCH_PARAM_NAMES;

pub(super) use crate::server::links::{document_path, passage_path};

/// Parameters of the list of documents.
const LIST_NAMES: &[&str] = &["find", "with"];

/// Whether a parameter says what is searched for and how; any other one is a filter.
fn is_search_name(name: &str) -> bool {
    SEARCH_PARAM_NAMES.contains(&name) || LIST_NAMES.contains(&name)
}

/// Parameters that belong to one page of a result, and not to the state that links carry on.
const PAGE_NAMES: &[&str] = &["cursor", "offset", "limit"];

/// The order in which the hits of a page are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// By descending score.
    #[default]
    Relevance,
    /// The most relevant hits, by ascending date.
    Earliest,
    /// The most relevant hits, by descending date.
    Latest,
}

/// A search as its URL states it.
#[derive(Debug, Clone, Default)]
pub(super) struct SearchState {
    pairs: Vec<(String, String)>,
    order: Order,
}

impl Order {
    /// All orders, with their names in URLs and on the page.
    pub(super) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Relevance, "", "nearest first"),
        (Self::Earliest, "earliest", "earliest first"),
        (Self::Latest, "latest", "latest first"),
    ];

    /// Returns its words on the page.
    pub(super) fn words(self) -> &'static str {
        let all = Self::ALL.iter();
        all.clone()
            .find(|(order, ..)| *order == self)
            .map_or("nearest first", |(_, _, words)| words)
    }

    fn parse(value: &str) -> Result<Self, Problem> {
        let found = Self::ALL.iter().find(|(_, name, _)| *name == value);
        found.map(|(order, ..)| *order).ok_or_else(|| {
            let detail = format!("order is {value:?}; expected earliest or latest");
            Problem::parameter_out_of_range(detail).at("order")
        })
    }
}

impl SearchState {
    /// Reads the parameters of a URL. Blank ones, which forms send for empty fields, are left out.
    pub(super) fn parse(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let (mut state, mut from, mut to) = (Self::default(), String::new(), String::new());
        for (name, value) in pairs {
            let text = value.trim();
            match name.as_str() {
                _ if text.is_empty() => {}
                "from" => text.clone_into(&mut from),
                "to" => text.clone_into(&mut to),
                "order" => state.order = Order::parse(text)?,
                _ => state.pairs.push((name, text.to_owned())),
            }
        }
        if !(from.is_empty() && to.is_empty()) {
            state
                .pairs
                .push(("date".to_owned(), format!("{from}..{to}")));
        }
        Ok(state)
    }

    /// Returns the parameters that the API has too.
    pub(super) fn api_pairs(&self) -> Vec<(String, String)> {
        self.pairs.clone()
    }

    /// Returns the order of the hits.
    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// Returns the first value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns all values of a parameter.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.pairs.iter().filter(move |(n, _)| n == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Returns whether anything is searched for.
    pub(super) fn has_query(&self) -> bool {
        self.value("q").is_some() || self.value("like").is_some()
    }

    /// Returns whether this is a page after the first.
    pub(super) fn is_later_page(&self) -> bool {
        self.value("cursor").is_some() || self.value("offset").is_some()
    }

    /// Returns the mode, the default one if the name is unknown.
    pub(super) fn mode(&self) -> Mode {
        let named = |mode: &Mode| Some(mode.name()) == self.value("mode");
        Mode::ALL.into_iter().find(named).unwrap_or_default()
    }

    /// Returns the filters: names and values.
    pub(super) fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.pairs.iter();
        pairs
            .filter(|(name, _)| !is_search_name(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the bounds of the only range of dates.
    pub(super) fn date_range(&self) -> (&str, &str) {
        let mut dates = self.values("date");
        match (dates.next(), dates.next()) {
            (Some(date), None) => date.split_once("..").unwrap_or((date, date)),
            _ => ("", ""),
        }
    }

    /// Returns the state with one more parameter, on the first page.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut state = self.first_page();
        let pair = (name.to_owned(), value.to_owned());
        if !state.pairs.contains(&pair) {
            state.pairs.push(pair);
        }
        state
    }

    /// Returns the state with a parameter that has only this value.
    pub(super) fn with_only(&self, name: &str, value: &str) -> Self {
        self.without_any(name).with(name, value)
    }

    /// Returns the state without a value of a parameter.
    pub(super) fn without(&self, name: &str, value: &str) -> Self {
        let mut state = self.first_page();
        state.pairs.retain(|(n, v)| !(n == name && v == value));
        state
    }

    /// Returns the state without a parameter.
    pub(super) fn without_any(&self, name: &str) -> Self {
        let mut state = self.first_page();
        state.pairs.retain(|(n, _)| n != name);
        state
    }

    /// Returns the state with another order of the hits.
    pub(super) fn with_order(&self, order: Order) -> Self {
        let mut state = self.first_page();
        state.order = order;
        state
    }

    /// Returns the state with only its filters.
    pub(super) fn only_filters(&self) -> Self {
        let mut state = self.first_page();
        state.pairs.retain(|(n, _)| !is_search_name(n));
        state.order = Order::default();
        state
    }

    /// Returns a search for passages like this one: with the examples of this search, or its query as an
    /// example.
    pub(super) fn like(&self, passage: &str) -> Self {
        self.with_examples().with("like", passage)
    }

    /// Returns a search for passages unlike this one.
    pub(super) fn unlike(&self, passage: &str) -> Self {
        self.query_as_example().with("unlike", passage)
    }

    /// Returns the parameters that a form with other fields passes on.
    pub(super) fn hidden_fields<'a>(
        &'a self,
        own: &'a [&'a str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let order = Order::ALL.iter().find(|(order, ..)| *order == self.order);
        let order = order.map_or("", |(_, name, _)| name);
        let pairs = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        pairs
            .chain((!order.is_empty()).then_some(("order", order)))
            .filter(move |(name, _)| !own.contains(name) && !PAGE_NAMES.contains(name))
    }

    /// Returns the URL of this state on a path of the page.
    pub(super) fn href(&self, path: &str) -> String {
        let order = Order::ALL.iter().find(|(order, ..)| *order == self.order);
        let order = order.map(|(_, name, _)| ("order", *name));
        let order = order.filter(|(_, name)| !name.is_empty());
        let pairs = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        href(path, pairs.chain(order))
    }

    fn first_page(&self) -> Self {
        let mut state = self.clone();
        state
            .pairs
            .retain(|(n, _)| !PAGE_NAMES.contains(&n.as_str()));
        state
    }

    /// Examples replace the query: the API takes one or the other.
    fn with_examples(&self) -> Self {
        let mut state = self.without_any("q").without_any("mode");
        state.order = Order::default();
        state
    }

    fn query_as_example(&self) -> Self {
        let state = self.with_examples();
        match self.value("q") {
            Some(query) => state.with("like", query),
            None => state,
        }
    }
}

/// Returns a URL with parameters.
pub(super) fn href<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(query: &str) -> SearchState {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        SearchState::parse(pairs.collect()).unwrap()
    }

    #[test]
    fn forms_and_links_lead_to_one_state() {
        let from_form = state("q=peace&mode=&from=2018&to=&country=Tuvalu&speaker=");
        assert_eq!(from_form.href("/"), "/?q=peace&country=Tuvalu&date=2018..");
        assert_eq!(from_form.date_range(), ("2018", ""));
        let filters: Vec<_> = from_form.filters().collect();
        assert_eq!(filters, [("country", "Tuvalu"), ("date", "2018..")]);
        let later = state("q=peace&cursor=abc&order=latest");
        assert!(later.is_later_page());
        assert_eq!(
            later.with("year", "2015").href("/"),
            "/?q=peace&year=2015&order=latest"
        );
        assert_eq!(later.with("q", "peace").href("/"), "/?q=peace&order=latest");
        assert_eq!(
            from_form.without("country", "Tuvalu").href("/"),
            "/?q=peace&date=2018.."
        );
    }

    #[test]
    fn examples_replace_the_query() {
        let search = state("q=peace&mode=hybrid&country=Tuvalu");
        assert_eq!(
            search.like("a#p1").href("/"),
            "/?country=Tuvalu&like=a%23p1"
        );
        assert_eq!(
            search.unlike("a#p1").href("/"),
            "/?country=Tuvalu&like=peace&unlike=a%23p1"
        );
        assert_eq!(
            search.like("a#p1").unlike("b#p2").href("/"),
            "/?country=Tuvalu&like=a%23p1&unlike=b%23p2"
        );
    }

    #[test]
    fn an_unknown_order_is_an_error_and_an_unknown_mode_is_left_to_the_api() {
        let pairs = vec![("order".to_owned(), "random".to_owned())];
        let problem = SearchState::parse(pairs).unwrap_err();
        assert_eq!(problem.field(), Some("order"));
        assert_eq!(state("q=a&mode=psychic").mode(), Mode::Semantic);
    }

    #[test]
    fn paths_of_documents_are_encoded() {
        assert_eq!(passage_path("a b&c", 3), "/read/a%20b%26c#p3");
    }
}
