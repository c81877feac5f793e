package dev.millrace.soak;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.soak.Heard.Tokens;
import dev.millrace.soak.Ledger.End;
import dev.millrace.v1.EngineStats;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A server in a process of its own under a mixed load, for as long as asked: rounds in which
 * readers leave, run out of time and are killed with their processes, and gentle ones. Behind each
 * round the server must come to rest: no request stuck, no block in use, and its counters equal to
 * what its clients were told. Every text is compared with that of the request alone. Writes a table
 * of what it saw of the server's memory, and a plot. Run it with the tests' class path:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath dev.millrace.soak.Soak PT30M FOLDER [SEED]"
 * </pre>
 */
final class Soak {
  private static final int USERS = 40;
  private static final int CONNECTIONS = 5;
  private static final Duration LONGEST_ROUND = Duration.ofSeconds(20);
  private static final int GENTLE = 3; // every so many rounds
  private static final Duration SAMPLING = Duration.ofSeconds(5);

  /** Not in time: somebody may stop all of us, to have the machine for himself. */
  private static final int LOOKS = 3_000;

  /** Who wakes up so late was stopped, and connections that were being probed may be lost. */
  private static final Duration PAUSE = Duration.ofSeconds(5);

  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(20);

  /**
   * Tokens that a reader who leaves may not have been told of: an outlet of 8, or one for each
   * candidate, and for each candidate an event that is being gathered and one on its way.
   */
  private static final int UNTOLD = 8 + 4 * 2 * 12;

  private static final List<Duration> DEADLINES =
      List.of(Duration.ofMillis(30), Duration.ofMillis(200), Duration.ofMillis(1_500));

  private final long seed;
  private final Random random;
  private final SoakServer server;
  private final List<MillraceClient> clients;
  private final List<MillraceClient> hasty;
  private final Ledger ledger = new Ledger();
  private final Samples samples = new Samples();
  private long begun;
  private final AtomicInteger pauses = new AtomicInteger();
  private int pausesBefore; // of this round
  private long lostBefore;
  private int kills;
  private int rounds;

  private Soak(SoakServer server, long seed) {
    this.server = server;
    this.seed = seed;
    this.random = new Random(seed);
    this.clients =
        Stream.generate(() -> client(ClientSettings.builder())).limit(CONNECTIONS).toList();
    this.hasty =
        DEADLINES.stream()
            .map(deadline -> client(ClientSettings.builder().deadline(deadline)))
            .toList();
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Duration length = Duration.parse(arguments[0]);
    Path folder = Path.of(arguments[1]);
    long seed = arguments.length > 2 ? Long.parseLong(arguments[2]) : 1;
    List<String> failures = run(length, seed, folder);
    System.exit(failures.isEmpty() ? 0 : 1);
  }

  /** Returns what was wrong. */
  static List<String> run(Duration length, long seed, Path folder)
      throws IOException, InterruptedException {
    try (SoakServer server = SoakServer.start()) {
      Soak soak = new Soak(server, seed);
      try {
        soak.rounds(length);
      } finally {
        soak.close();
      }
      soak.report(folder);
      return soak.ledger.failures();
    }
  }

  private void countPauses() {
    try {
      while (true) {
        long slept = System.nanoTime();
        Thread.sleep(BETWEEN_LOOKS);
        if (System.nanoTime() - slept > PAUSE.toNanos()) {
          pauses.incrementAndGet();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void rounds(Duration length) throws IOException, InterruptedException {
    Thread.ofPlatform().daemon().start(this::countPauses);
    begun = System.nanoTime();
    Answers answers = Answers.askAlone(new Catalogue(new Random(seed)), clients.getFirst());
    Duration round = length.dividedBy(GENTLE);
    round = round.compareTo(LONGEST_ROUND) < 0 ? round : LONGEST_ROUND;
    while (System.nanoTime() - begun < length.toNanos() && !ledger.isFull()) {
      rounds++;
      round(answers, round, rounds % GENTLE == 2);
    }
  }

  private void round(Answers answers, Duration length, boolean gentle)
      throws IOException, InterruptedException {
    ledger.nextRound();
    lostBefore = ledger.count(End.LOST);
    pausesBefore = pauses.get();
    EngineStats before = atRest();
    server.requests().forget();
    AtomicBoolean goesOn = new AtomicBoolean(true);
    List<Thread> users = new ArrayList<>();
    for (int i = 0; i < USERS; i++) {
      User user =
          new User(
              "u" + rounds + "-" + i,
              answers,
              clients,
              hasty,
              new Random(random.nextLong()),
              ledger);
      users.add(Thread.ofVirtual().start(() -> user.ask(goesOn::get, gentle)));
    }
    long end = System.nanoTime() + length.toNanos();
    long nextSample = System.nanoTime() + SAMPLING.toNanos();
    Process victim = null;
    while (System.nanoTime() < end) {
      if (!gentle && victim == null) {
        victim = Victim.start(server.target(), seed, "v" + rounds + "-" + kills, random.nextLong());
      }
      Thread.sleep(500 + random.nextInt(1_000)); // the load goes on meanwhile
      if (victim != null && random.nextInt(4) == 0) {
        victim = kill(victim);
      }
      if (System.nanoTime() > nextSample) {
        nextSample += SAMPLING.toNanos();
        sample(false);
      }
    }
    goesOn.set(false);
    kill(victim);
    for (Thread user : users) {
      if (!await(() -> !user.isAlive())) {
        ledger.failed("round " + rounds + ": a user is stuck: " + stats());
        return;
      }
    }
    EngineStats after = atRest();
    checkCounters(before, after, gentle);
    sample(true);
  }

  /** Every failure is to be seen, and every call counted. */
  private MillraceClient client(ClientSettings.Builder settings) {
    return MillraceClient.connect(
        Target.parseAll(server.target()), settings.retries(ClientSettings.Retries.NONE).build());
  }

  private Process kill(Process victim) {
    if (victim != null) {
      victim.destroyForcibly();
      kills++;
    }
    return null;
  }

  private EngineStats stats() {
    return Objects.requireNonNull(clients.getFirst().engineStats("").block());
  }

  private static boolean await(BooleanSupplier condition) throws InterruptedException {
    for (int look = 0; look < LOOKS; look++) {
      if (condition.getAsBoolean()) {
        return true;
      }
      Thread.sleep(BETWEEN_LOOKS);
    }
    return false;
  }

  private EngineStats atRest() throws InterruptedException {
    if (!await(() -> isAtRest(stats()))) {
      ledger.failed("round " + rounds + ": doesn't come to rest: " + stats());
    }
    return stats();
  }

  private static boolean isAtRest(EngineStats now) {
    return now.getRunningSequences() == 0
        && now.getWaitingSequences() == 0
        && now.getStalledSequences() == 0
        && now.getWaitingPromptTokens() == 0
        && now.getKvBlocksInUse() == 0;
  }

  // ---- counters

  private void checkCounters(EngineStats before, EngineStats after, boolean gentle)
      throws InterruptedException {
    Tokens counted = Tokens.of(after).minus(Tokens.of(before));
    List<Ledger.Told> told = ledger.told();
    for (Ledger.Told one : told) {
      if (!await(() -> isLogged(one))) {
        ledger.failed(one + ": the log has " + lines(one.requestId()));
        return;
      }
    }
    boolean whole = ledger.count(End.LOST) == lostBefore;
    if (!whole && pauses.get() == pausesBefore) {
      ledger.failed("round " + rounds + ": a connection was lost");
    }
    if (gentle && whole) {
      Tokens sum = told.stream().map(Ledger.Told::tokens).reduce(Tokens.NONE, Tokens::plus);
      long finished = after.getRequestsFinished() - before.getRequestsFinished();
      if (!sum.equals(counted) || finished != ledger.generations()) {
        ledger.failed(
            "round %d: the server counts %s and %d answers, clients were told %s and %d"
                .formatted(rounds, counted, finished, sum, ledger.generations()));
      }
    } else if (!await(() -> isAccountedFor(counted.completion()))) {
      ledger.failed(
          "round %d: the server counts %s, its log has %d, %d of them twice, and %d that were left"
              .formatted(rounds, counted, logged(), ledger.givenBack(), left()));
    }
  }

  private List<RequestLog.Line> lines(String requestId) {
    return server.requests().lines().stream()
        .filter(line -> line.requestId().equals(requestId))
        .toList();
  }

  private boolean isLogged(Ledger.Told told) {
    return lines(told.requestId()).stream()
        .anyMatch(line -> line.completionTokens() == told.tokens().completion());
  }

  private long logged() {
    return server.requests().lines().stream().mapToLong(RequestLog.Line::completionTokens).sum();
  }

  private long left() {
    return server.requests().lines().stream().filter(RequestLog.Line::cancelled).count();
  }

  /** What isn't in the log was decoded for readers who left, and for each of them little. */
  private boolean isAccountedFor(long completionTokens) {
    long untold = completionTokens - (logged() - ledger.givenBack());
    return untold >= 0 && untold <= left() * UNTOLD;
  }

  // ---- what it looks like

  private void sample(boolean atRest) throws IOException {
    samples.add(
        new Samples.Sample(
            (System.nanoTime() - begun) / 1e9,
            rounds,
            atRest,
            server.memory(),
            stats(),
            ledger.count(End.WHOLE) + ledger.count(End.RESUMED),
            kills));
  }

  private void report(Path folder) throws IOException {
    samples.write(folder);
    samples.notFlat().forEach(ledger::failed);
    server.complaints().forEach(complaint -> ledger.failed("in the log: " + complaint));
    for (End end : End.values()) {
      System.out.printf("%-12s %,d%n", end, ledger.count(end));
    }
    System.out.printf("%d pauses%n", pauses.get());
    System.out.printf(
        "%d rounds, %d clients killed, %d failures%n", rounds, kills, ledger.failures().size());
  }

  private void close() {
    clients.forEach(MillraceClient::close);
    hasty.forEach(MillraceClient::close);
  }
}
