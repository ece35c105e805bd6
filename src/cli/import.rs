//! `throughline import`: an older system's leads from a file, beside a running `serve` or without one.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use throughline::app::App;
use throughline::config::{Config, Sources};
use throughline::db::Tx;
use throughline::imports::plan::{self, Field, Plan};
use throughline::imports::run::{Run, Step};
use throughline::imports::survey::survey;
use throughline::imports::{Import, ImportState, NewImport, Standing, actions, batches, queries, report, run};

use super::import_products::{self, ProductsArguments};
use super::{Partly, import_words, start};

/// What can be imported.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Take over leads from a CSV or NDJSON file: unsent ones are queued, sent ones are not sent again. Repeatable: a second run
    /// brings nothing twice, and one that was cut off goes on. Exits with 3 where rows were refused.
    Leads(LeadsArguments),
    /// Add and change products and prices from a CSV file. It is taken over whole, or not at all where a row is refused: then it exits
    /// with 3. The same file again changes nothing.
    Products(ProductsArguments),
}

/// Which file, and how it is read.
#[derive(Debug, Args)]
pub struct LeadsArguments {
    /// The file: CSV with the names of the columns in its first line, or NDJSON; UTF-8.
    file: PathBuf,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// What a column holds (`COLUMN=FIELD`, repeatable), or a file of such lines. Others are recognised by their names.
    #[arg(long, value_name = "FILE|COLUMN=FIELD")]
    mapping: Vec<String>,
    /// The older system: a row is imported once from each.
    #[arg(long, default_value = "older system")]
    source: String,
}

/// Runs a command.
pub async fn run(command: ImportCommand) -> anyhow::Result<()> {
    match command {
        ImportCommand::Leads(arguments) => leads(arguments).await,
        ImportCommand::Products(arguments) => import_products::run(&arguments).await,
    }
}

async fn leads(arguments: LeadsArguments) -> anyhow::Result<()> {
    let plan = plan_of(&arguments)?;
    let app = start::app(Config::load(&Sources::of_process()?)?).await?;
    let done = if arguments.dry_run { look(&app, &arguments, plan).await } else { import(&app, &arguments, plan).await };
    app.store.close().await;
    done
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("{} cannot be opened; nothing was imported", path.display()))
}

/// What the file's names say, and what was said on the command line.
fn plan_of(arguments: &LeadsArguments) -> anyhow::Result<Plan> {
    if arguments.source.trim().is_empty() || arguments.source.chars().count() > 100 {
        bail!("--source is the older system's name: 1 to 100 characters");
    }
    let found = batches::recognise(open(&arguments.file)?).map_err(anyhow::Error::msg).context("nothing was imported")?;
    let mut plan = batches::suggested(found);
    let mut pairs: Vec<(String, Field)> = Vec::new();
    for said in &arguments.mapping {
        let path = Path::new(said);
        if path.is_file() {
            let text = std::fs::read_to_string(path).with_context(|| format!("reading {said}"))?;
            pairs.extend(plan::pairs(&text).map_err(anyhow::Error::msg).with_context(|| format!("in {said}"))?);
        } else {
            pairs.push(plan::pair(said).map_err(anyhow::Error::msg).context("--mapping is a file, or COLUMN=FIELD")?);
        }
    }
    plan.say(&pairs).map_err(anyhow::Error::msg).context("--mapping does not fit the file")?;
    Ok(plan)
}

async fn look(app: &App, arguments: &LeadsArguments, plan: Plan) -> anyhow::Result<()> {
    let (file, bytes) = (open(&arguments.file)?, open(&arguments.file)?.metadata()?.len());
    let shown = Shown::new(bytes);
    let rules = run::rules(app, plan.clone()).await?;
    let found = survey(app, (file, rules), &arguments.source, i64::MAX, |bytes| shown.at(bytes, "looked at")).await;
    shown.end();
    let found = found.context("the database cannot be asked")?;
    tell(&import_words::survey(&plan, &found));
    match found.broke_off {
        Some(why) => bail!("{why}"),
        None if found.refused > 0 => Err(Partly.into()),
        None => Ok(()),
    }
}

async fn import(app: &App, arguments: &LeadsArguments, plan: Plan) -> anyhow::Result<()> {
    let (file_hash, file_bytes) = digest(&arguments.file)?;
    let import = begin_or_go_on(app, arguments, plan, (file_hash, file_bytes)).await?;
    let shown = Shown::new(u64::try_from(file_bytes).unwrap_or_default());
    let mut run = Run::begin(app, import.clone(), open(&arguments.file)?).await?;
    let mut standing = import.standing;
    loop {
        match run.step().await {
            Ok(Step::On(further)) => {
                standing = further;
                shown.at(standing.bytes_done, "imported");
            }
            Ok(Step::Done(done)) => {
                shown.end();
                return finished(app, arguments, (&import, done)).await;
            }
            Ok(Step::SteppedBack) => {
                shown.end();
                bail!("another run is importing this file, or it was ended on the page /imports/{}: this run stops", import.id);
            }
            Err(cause) => {
                shown.end();
                let why = anyhow::Error::new(cause);
                return Err(
                    why.context(format!("stopped after {} rows; run the same command again and it goes on there", standing.rows_done))
                );
            }
        }
    }
}

/// The run of this very file that was cut off goes on; else it is a new one.
async fn begin_or_go_on(app: &App, arguments: &LeadsArguments, plan: Plan, (hash, bytes): (String, i64)) -> anyhow::Result<Import> {
    let (source, file_hash) = (arguments.source.trim().to_owned(), hash.clone());
    let earlier = app.store.read(move |conn| queries::unfinished(conn, &source, &file_hash).map_err(throughline::Error::from)).await?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.plan().is_ok_and(|its| its == plan)) {
        tell(&format!("An earlier run of this file was cut off after {} rows; it goes on there.\n", earlier.standing.rows_done));
        return Ok(earlier);
    }
    let name = arguments.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = NewImport {
        source: arguments.source.trim().to_owned(),
        file_name: name.chars().take(200).collect(),
        file_hash: hash,
        file_bytes: bytes,
        plan,
        state: ImportState::Running,
        created_by: "cli".into(),
    };
    let now = app.clock.now();
    let begin = move |tx: &mut Tx<'_>| actions::begin(tx, now, &new);
    let id = app.store.write("imports.begin", "imports", begin).await.map_err(throughline::Error::from)?;
    let made = app.store.read(move |conn| queries::find(conn, id).map_err(throughline::Error::from)).await?;
    made.context("the import that was just begun is gone")
}

async fn finished(app: &App, arguments: &LeadsArguments, (import, done): (&Import, Standing)) -> anyhow::Result<()> {
    tell(&import_words::report(done));
    if done.refused == 0 {
        return Ok(());
    }
    let path = arguments.file.with_file_name(report::file_name(import));
    let file = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut out = BufWriter::new(file);
    report::write_refused(app, import, &mut out).await?;
    out.flush().with_context(|| format!("writing {}", path.display()))?;
    tell(&format!("They are in {} with their reasons: mend them there and import that file.\n", path.display()));
    if done.refused > run::REFUSALS_MAX {
        tell(&format!("(The first {} of them.)\n", run::REFUSALS_MAX));
    }
    Err(Partly.into())
}

fn digest(path: &Path) -> anyhow::Result<(String, i64)> {
    let (mut file, mut hasher, mut buffer, mut bytes) = (open(path)?, Sha256::new(), vec![0; 256 * 1024], 0_i64);
    loop {
        let read = file.read(&mut buffer).with_context(|| format!("reading {}", path.display()))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += i64::try_from(read).unwrap_or_default();
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

/// How far it is: a bar for a person at a terminal, else a line each tenth.
enum Shown {
    Bar(ProgressBar),
    Lines { bytes: u64, tenths: std::cell::Cell<u64> },
}

impl Shown {
    fn new(bytes: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { bytes: bytes.max(1), tenths: std::cell::Cell::new(0) };
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes} of {total_bytes}, {eta} left  {msg}");
        Self::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    #[expect(clippy::print_stderr, reason = "progress, for whoever watches")]
    fn at(&self, bytes_done: i64, what: &'static str) {
        let done = u64::try_from(bytes_done).unwrap_or_default();
        match self {
            Self::Bar(bar) => {
                bar.set_message(what);
                bar.set_position(done);
            }
            Self::Lines { bytes, tenths } => {
                let now = done.saturating_mul(10) / bytes;
                if now > tenths.replace(now.max(tenths.get())) {
                    eprintln!("{} % {what}", now * 10);
                }
            }
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer to what was asked")]
fn tell(text: &str) {
    print!("{text}");
}
