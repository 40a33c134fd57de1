//! `/v1/parallels`, and what is compared with other words.

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::parse_id;
use super::passages::parse_passage_id;
use super::url::{self, Known};
use crate::corpus::DocumentId;
use crate::engine::Snapshot;
use crate::parallels::{Pair, ParallelsError, Scope, Survey, Sweep, compare_while};
use crate::server::extract::{self, Body};
use crate::server::parallels::{self, IsAwaited};
use crate::server::problem::{Problem, ProblemBody};
use crate::server::service::Service;
use crate::server::wire::{
    ComparisonParameters, FamiliesRequest, FamiliesResponse, ParallelsRequest, ParallelsResponse,
    PassageParameters, StreamLine, comparison_response, passage_response,
};

/// Pairs of passages that are compared on a core of the searches; more are compared as a corpus is, so
/// that no search waits for them.
const MOST_ON_A_CORE: usize = 4_000;

const COMPARISON: Known = Known {
    names: &["min_confidence", "min_phrase", "many", "limit"],
    lists: &[],
    texts: &[],
};

const PASSAGE: Known = Known {
    names: &["min_confidence", "limit"],
    lists: &[],
    texts: &[],
};

/// The parallels of two documents: every passage of one compared with every passage of the other.
#[utoipa::path(
    get, path = "/v1/documents/{a}/parallels/{b}", tag = "parallels", operation_id = "compare_documents",
    params(
        ("a" = String, Path, description = "a document's id", example = "un-cyber-statement-2015"),
        ("b" = String, Path, description = "another document's id", example = "chatham-house-cyber-2016"),
        ComparisonParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn of_documents(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (a, b) = (parse_id(&path.0, "a")?, parse_id(&path.1, "b")?);
    let (_, snapshot) = service.ready()?;
    let asked: ComparisonParameters = parameters(&request, &snapshot, &COMPARISON)?;
    let (thresholds, enough) = asked.read()?;
    let passages = |id: &DocumentId, field: &str| {
        let catalogue = snapshot.catalogue();
        let missing = || ParallelsError::NoSuchDocument { id: id.to_string() };
        let place = catalogue.place_of(id.as_str()).ok_or_else(missing);
        let place = place.map_err(|error| Problem::from(error).at(field))?;
        Ok::<_, Problem>(catalogue.rows_in(place).len())
    };
    let pairs = passages(&a, "a")?.saturating_mul(passages(&b, "b")?);
    let work = move |survey: &Survey, is_awaited: IsAwaited<'_>| {
        let both = (a.as_str(), b.as_str());
        let found = compare_while(survey, both, enough, asked.many, is_awaited)?;
        let limit = asked.limit;
        let answer = comparison_response(survey, &found, &thresholds, limit, start)?;
        Ok(answer)
    };
    let (survey, is_long) = (service.survey(&snapshot), pairs > MOST_ON_A_CORE);
    let response = parallels::answer(&service, survey, is_long, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// The parallels of one passage in all other documents.
#[utoipa::path(
    get, path = "/v1/passages/{id}/parallels", tag = "parallels", operation_id = "passage_parallels",
    params(
        ("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p4"),
        super::url::FilterParameters, PassageParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn of_passage(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (document, ordinal) = parse_passage_id(&path)?;
    let (_, snapshot) = service.ready()?;
    let (target, fields) = url::read(extract::pairs(&request)?, snapshot.catalogue(), &PASSAGE)?;
    let asked: PassageParameters = extract::from_value(&Value::Object(fields))?;
    let thresholds = asked.read()?;
    target.check(snapshot.catalogue())?;
    let row = snapshot.catalogue().row_at(document.as_str(), ordinal);
    let row = row.ok_or_else(|| {
        Problem::passage_not_found(format!("there is no passage {document}#p{ordinal}")).at("id")
    })?;
    let work = move |survey: &Survey, _: IsAwaited<'_>| {
        let scope = Scope {
            target,
            ..Scope::default()
        };
        let mut found = Sweep::new(survey, &scope, thresholds)?.of_passage(row)?;
        let surer = |a: &Pair, b: &Pair| b.confidence.total_cmp(&a.confidence);
        found.pairs.sort_by(surer);
        let answer = passage_response(survey, &found, &thresholds, asked.limit, start)?;
        Ok(answer)
    };
    let survey = service.survey(&snapshot);
    let response = parallels::answer(&service, survey, false, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// The parallels of a whole corpus, as a stream of lines.
#[utoipa::path(
    post, path = "/v1/parallels", tag = "parallels", operation_id = "corpus_parallels",
    request_body = ParallelsRequest,
    responses(
        (status = 200, body = StreamLine, content_type = "application/x-ndjson", description = "one JSON object a line: `begin`, `parallel`s and `progress`, `end`"),
        (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody)
    )
)]
pub(super) async fn of_corpus(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let request: ParallelsRequest = body.json()?;
    parallels::stream(&service, &request)
}

/// Statements that were made again and again.
#[utoipa::path(
    post, path = "/v1/families", tag = "parallels",
    request_body = FamiliesRequest,
    responses((status = 200, body = FamiliesResponse), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody))
)]
pub(super) async fn families(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let request: FamiliesRequest = body.json()?;
    parallels::families(service, request).await
}

/// The parameters of a URL that is not filtered.
fn parameters<T: DeserializeOwned>(
    request: &HttpRequest,
    snapshot: &Arc<Snapshot>,
    known: &Known,
) -> Result<T, Problem> {
    let (filter, fields) = url::read(extract::pairs(request)?, snapshot.catalogue(), known)?;
    if !matches!(&filter, crate::search::Filter::All(filters) if filters.is_empty()) {
        let detail = "two documents are compared whole; expected no filter";
        return Err(Problem::unknown_field(detail).at("filter"));
    }
    extract::from_value(&Value::Object(fields))
}
