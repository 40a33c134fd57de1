//! The routes of parallels and families.

use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::parse_document_id;
use super::passages::parse_passage_id;
use super::url_params::{self, RouteParams};
use crate::corpus::DocumentId;
use crate::engine::Snapshot;
use crate::parallels::{
    CorpusComparison, CorpusContext, Pair, ParallelsError, Scope, compare_cancellable,
};
use crate::server::extract::{self, Body};
use crate::server::parallels::{self, ShouldContinue};
use crate::server::problem::{Problem, ProblemDto};
use crate::server::service::Service;
use crate::server::wire::{
    ComparisonParameters, FamiliesRequest, FamiliesResponse, ParallelsRequest, ParallelsResponse,
    PassageParameters, StreamLine, comparison_response, passage_response,
};

/// Number of pairs of passages that are compared in the worker pool; more are compared in the
/// background, so that no search waits for them.
const MAX_FOREGROUND_PAIRS: usize = 4_000;

const COMPARISON_PARAMS: RouteParams = RouteParams {
    names: &[
        "min_confidence",
        "min_alignment_score",
        "many_to_many",
        "limit",
    ],
    repeatable: &[],
    strings: &[],
};

const PASSAGE_PARAMS: RouteParams = RouteParams {
    names: &["min_confidence", "limit"],
    repeatable: &[],
    strings: &[],
};

/// The parallels of two documents: every passage of one compared with every passage of the other.
#[utoipa::path(
    get, path = "/v1/documents/{a}/parallels/{b}", tag = "parallels", operation_id = "compare_documents",
    params(
        ("a" = String, Path, description = "a document's id", example = "un-cyber-statement-2015"),
        ("b" = String, Path, description = "another document's id", example = "chatham-house-cyber-2016"),
        ComparisonParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn of_documents(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (a, b) = (
        parse_document_id(&path.0, "a")?,
        parse_document_id(&path.1, "b")?,
    );
    let (_, snapshot) = service.engine_and_snapshot()?;
    let params: ComparisonParameters = parse_params(&request, &snapshot, &COMPARISON_PARAMS)?;
    let (thresholds, pair_thresholds) = params.parse()?;
    let passages = |id: &DocumentId, field: &str| {
        let table = snapshot.document_table();
        let missing = || ParallelsError::NoSuchDocument { id: id.to_string() };
        let document = table.document_index_of(id.as_str()).ok_or_else(missing);
        let document = document.map_err(|error| Problem::from(error).at(field))?;
        Ok::<_, Problem>(table.rows_of_document(document).len())
    };
    let pairs = passages(&a, "a")?.saturating_mul(passages(&b, "b")?);
    let work = move |context: &CorpusContext, should_continue: ShouldContinue<'_>| {
        let both = (a.as_str(), b.as_str());
        let found = compare_cancellable(
            context,
            both,
            pair_thresholds,
            params.many_to_many,
            should_continue,
        )?;
        let limit = params.limit;
        Ok(comparison_response(
            context,
            &found,
            &thresholds,
            limit,
            start,
        )?)
    };
    let (context, is_long) = (
        service.corpus_context(&snapshot),
        pairs > MAX_FOREGROUND_PAIRS,
    );
    let response = parallels::run_comparison(&service, context, is_long, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// The parallels of one passage in all other documents.
#[utoipa::path(
    get, path = "/v1/passages/{id}/parallels", tag = "parallels", operation_id = "passage_parallels",
    params(
        ("id" = String, Path, description = "the passage's id, `{document}#p{ordinal}`, with `#` as `%23`", example = "un-cyber-statement-2015#p4"),
        super::url_params::FilterParameters, PassageParameters,
    ),
    responses((status = 200, body = ParallelsResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn of_passage(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let start = Instant::now();
    let (document, ordinal) = parse_passage_id(&path)?;
    let (_, snapshot) = service.engine_and_snapshot()?;
    let (target, fields) = url_params::parse_params(
        extract::query_pairs(&request)?,
        snapshot.document_table(),
        &PASSAGE_PARAMS,
    )?;
    let params: PassageParameters = extract::from_value(&Value::Object(fields))?;
    let thresholds = params.parse()?;
    target.check_fields(snapshot.document_table())?;
    let row = snapshot.document_table().row_at(document.as_str(), ordinal);
    let row = row.ok_or_else(|| {
        Problem::passage_not_found(format!("passage {document}#p{ordinal} not found")).at("id")
    })?;
    let work = move |context: &CorpusContext, _: ShouldContinue<'_>| {
        let scope = Scope {
            target,
            ..Scope::default()
        };
        let mut found = CorpusComparison::new(context, &scope, thresholds)?.compare_passage(row)?;
        let by_confidence = |a: &Pair, b: &Pair| b.confidence.total_cmp(&a.confidence);
        found.pairs.sort_by(by_confidence);
        Ok(passage_response(
            context,
            &found,
            &thresholds,
            params.limit,
            start,
        )?)
    };
    let context = service.corpus_context(&snapshot);
    let response = parallels::run_comparison(&service, context, false, work).await?;
    Ok(HttpResponse::Ok().json(response))
}

/// The parallels of a corpus, as a stream of lines.
#[utoipa::path(
    post, path = "/v1/parallels", tag = "parallels", operation_id = "corpus_parallels",
    request_body = ParallelsRequest,
    responses(
        (status = 200, body = StreamLine, content_type = "application/x-ndjson", description = "one JSON object per line: `begin`, `parallel`s and `progress`, `end`"),
        (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto)
    )
)]
pub(super) async fn of_corpus(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let request: ParallelsRequest = body.json()?;
    parallels::stream(&service, &request)
}

/// The families of a corpus: clusters of restatements of one statement.
#[utoipa::path(
    post, path = "/v1/families", tag = "parallels",
    request_body = FamiliesRequest,
    responses((status = 200, body = FamiliesResponse), (status = "4XX", body = ProblemDto), (status = "5XX", body = ProblemDto))
)]
pub(super) async fn families(
    service: web::Data<Service>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let request: FamiliesRequest = body.json()?;
    parallels::families(service, request).await
}

/// Parses the query parameters of a route without filters.
fn parse_params<T: DeserializeOwned>(
    request: &HttpRequest,
    snapshot: &Arc<Snapshot>,
    params: &RouteParams,
) -> Result<T, Problem> {
    let (filter, fields) = url_params::parse_params(
        extract::query_pairs(request)?,
        snapshot.document_table(),
        params,
    )?;
    if !matches!(&filter, crate::search::Filter::All(filters) if filters.is_empty()) {
        let detail = "whole documents are compared; expected no filter";
        return Err(Problem::unknown_field(detail).at("filter"));
    }
    extract::from_value(&Value::Object(fields))
}
