//! Comparing a whole corpus for a client: answered line by line while it goes on.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::engine::{Engine, Snapshot};
use crate::parallels::{
    LeftOut, ParallelsError, Reader, Scope, Step, Survey, Sweep, Swept, Thresholds,
};
use crate::server::cursor::{Asked, SweepScope};
use crate::server::lines;
use crate::server::problem::Problem;
use crate::server::service::Service;
use crate::server::wire::{BeginBody, EndBody, ParallelsRequest, ProgressBody, StreamLine};

/// Documents between two signs of life.
const PROGRESS: usize = 64;

/// Pairs that are read before they are sent.
const READ: usize = 32;

/// Where a stream goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Source documents that are done.
    done: usize,
    /// Pairs of the next one that were given already.
    given: usize,
}

/// What is asked of a corpus, with where to begin.
struct Wanted {
    scope: Scope,
    thresholds: Thresholds,
    exact: bool,
    limit: usize,
    begin: Place,
}

impl Wanted {
    fn read(request: &ParallelsRequest, snapshot: &Snapshot) -> Result<Self, Problem> {
        let (scope, thresholds) = request.read()?;
        let mut wanted = Self {
            scope,
            thresholds,
            exact: request.is_exact(),
            limit: request.limit.unwrap_or(usize::MAX),
            begin: Place::default(),
        };
        if let Some(cursor) = &request.cursor {
            wanted.begin = wanted.asked(snapshot).read(cursor)?;
        }
        Ok(wanted)
    }

    fn asked<'a>(&self, snapshot: &'a Snapshot) -> Asked<'a> {
        let request = SweepScope {
            scope: &self.scope,
            thresholds: &self.thresholds,
            exact: self.exact,
        };
        Asked::new(snapshot, &request)
    }
}

/// Begins to compare and to answer.
pub(in crate::server) fn stream(
    service: &web::Data<Service>,
    request: &ParallelsRequest,
) -> Result<HttpResponse, Problem> {
    let (engine, snapshot) = service.ready()?;
    let asked = Wanted::read(request, &snapshot)?;
    let survey = service.survey_for(&snapshot, request.is_exact());
    // What cannot be compared is said before the stream begins.
    Sweep::new(&survey, &asked.scope, asked.thresholds)?;
    let place = service.comparisons().let_in()?;
    let (lines, body) = lines::channel();
    let talk = Talk {
        service: service.clone(),
        lines,
        runtime: Handle::current(),
    };
    actix_web::rt::task::spawn_blocking(move || {
        let _place = place;
        match run(&engine, &survey, &asked, &talk) {
            Ok(()) | Err(ParallelsError::Cancelled) => {}
            Err(error) => {
                let problem = Problem::from(error);
                let body = serde_json::to_value(problem.body()).unwrap_or_default();
                let _ = talk.say(&[StreamLine::Error(body)]);
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(body))
}

/// Where lines go.
struct Talk {
    service: web::Data<Service>,
    lines: mpsc::Sender<Bytes>,
    runtime: Handle,
}

impl Talk {
    /// Waits until the client has taken them, as long as it goes on reading.
    fn say(&self, lines: &[StreamLine]) -> Result<(), ParallelsError> {
        let mut text = Vec::new();
        for line in lines {
            lines::line(&mut text, line);
        }
        let silence = self.service.guard().bounds().silence;
        let sent = timeout(silence, self.lines.send(text.into()));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            // It has hung up, or reads no more.
            _ => Err(ParallelsError::Cancelled),
        }
    }

    fn is_stopping(&self) -> bool {
        self.service.guard().is_stopping()
    }

    /// Whether the client is there and the service does not stop.
    fn goes_on(&self) -> bool {
        !self.lines.is_closed() && !self.is_stopping()
    }
}

fn run(
    engine: &Engine,
    survey: &Survey,
    asked: &Wanted,
    talk: &Talk,
) -> Result<(), ParallelsError> {
    let is_awaited = || talk.goes_on();
    let sweep = Sweep::new(survey, &asked.scope, asked.thresholds)?.while_awaited(&is_awaited);
    let sources = sweep.sources();
    let begin = BeginBody::of(survey, &sweep, &asked.thresholds);
    talk.say(&[StreamLine::Begin(Box::new(begin))])?;
    let mut telling = Telling {
        engine,
        reader: Reader::new(survey, &asked.thresholds),
        talk,
        here: asked.asked(survey.snapshot()),
        limit: asked.limit,
        sources: sources.len(),
        at: asked.begin,
        all: Swept::default(),
        found: 0,
        next: None,
    };
    let rest = sources.get(asked.begin.done..).unwrap_or_default();
    // Searches go first; and whoever waits for a client does not keep one of those threads.
    let compute = |work: Step<'_>| engine.in_background(work);
    let told = sweep.run(rest, compute, |_, swept| telling.tell(&swept));
    let ended = told.and_then(|complete| {
        if complete && telling.all.closest.is_none() {
            telling.all.closest = engine.in_background(|| sweep.closest_of(&sources))?;
        }
        Ok(())
    });
    match ended {
        // The next process goes on where this one ends.
        Err(ParallelsError::Cancelled) if talk.is_stopping() => {
            telling.next = Some(telling.cursor());
        }
        ended => ended?,
    }
    let Telling {
        all, found, next, ..
    } = telling;
    let end = EndBody::of(survey, &all, found, next);
    talk.say(&[StreamLine::End(Box::new(end))])
}

/// A stream on its way through the source documents.
struct Telling<'a> {
    engine: &'a Engine,
    reader: Reader<'a>,
    talk: &'a Talk,
    here: Asked<'a>,
    /// Most pairs.
    limit: usize,
    /// All source documents.
    sources: usize,
    at: Place,
    /// What was found but the pairs.
    all: Swept,
    /// Pairs that were given.
    found: usize,
    /// Where another stream goes on, if this one ends before all is done.
    next: Option<String>,
}

impl Telling<'_> {
    /// Gives what one source document gave; whether the stream goes on.
    fn tell(&mut self, swept: &Swept) -> Result<bool, ParallelsError> {
        self.go_on()?;
        // What is left out of a document was told by the stream that gave the first of its pairs.
        let (left_out, passages) = match self.at.given {
            0 => (swept.left_out, swept.passages),
            _ => (LeftOut::default(), 0),
        };
        self.all.count(&left_out, passages, swept.closest);
        let pairs = swept.pairs.get(self.at.given..).unwrap_or_default();
        let wanted = pairs.get(..self.limit - self.found).unwrap_or(pairs);
        for some in wanted.chunks(READ) {
            let parallels = self.engine.in_background(|| self.reader.read(some))?;
            let lines = parallels.into_iter();
            let lines = lines.map(|parallel| StreamLine::Parallel(Box::new(parallel.into())));
            self.talk.say(&lines.collect::<Vec<_>>())?;
            self.found += some.len();
            self.at.given += some.len();
            self.go_on()?;
        }
        if wanted.len() == pairs.len() {
            self.at = Place {
                done: self.at.done + 1,
                given: 0,
            };
        }
        let is_full = wanted.len() < pairs.len() || self.found == self.limit;
        if is_full && self.at.done < self.sources {
            self.next = Some(self.cursor());
            return Ok(false);
        }
        self.show_progress()?;
        Ok(true)
    }

    /// A sign of life, now and then.
    fn show_progress(&self) -> Result<(), ParallelsError> {
        if !self.at.done.is_multiple_of(PROGRESS) {
            return Ok(());
        }
        self.talk.say(&[StreamLine::Progress(ProgressBody {
            done: self.at.done,
            sources: self.sources,
            cursor: self.cursor(),
        })])
    }

    fn go_on(&self) -> Result<(), ParallelsError> {
        if self.talk.goes_on() {
            Ok(())
        } else {
            Err(ParallelsError::Cancelled)
        }
    }

    /// Goes on here.
    fn cursor(&self) -> String {
        self.here.at(self.at)
    }
}
