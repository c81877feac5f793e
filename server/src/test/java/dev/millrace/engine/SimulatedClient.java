package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.Priority;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;

/**
 * A caller in a simulated world, with a mind of its own seed: it sends a request, or turn after
 * turn of a conversation; reads fast, slowly or not at all; goes away or interrupts at some moment;
 * and takes its stream up on the next server when the first one drains.
 */
final class SimulatedClient {
  /** Each leaves more to choose from than stop ids can forbid. */
  private static final List<CompiledFormat> FORMATS = formats();

  private static final List<String> STOPS =
      List.of("ab", "abc", "b", "aab", "ca", "é", "😀a", "bb\n", "aaaa", "cabab", "\uFFFD");

  private final Random random;
  private final SimulatedWorld world;
  private final long arrival; // of its first request
  private final double readsPerTurn;
  private final int capacity;
  private final boolean converses;
  private int turnsLeft;

  private GenerationRequest request;
  private RecordingOutlet outlet;
  private long id = -1; // of the request on its server
  private EngineLoop server;
  private long session = -1;
  private long arrives;
  private long cancelAt;
  private long interruptAt;
  private boolean cancelled;
  private boolean done;
  private int requests; // that were sent in all
  private final List<Usage> usages = new ArrayList<>(); // of those on the first server

  SimulatedClient(SimulatedWorld world, long seed) {
    this.world = world;
    this.random = new Random(seed);
    this.arrival = world.storms() ? 0 : soon();
    this.readsPerTurn = once(2) ? 1 : 0.01 + random.nextDouble() / 2;
    this.capacity = once(2) ? 1_000_000 : between(1, 4);
    this.converses = once(5);
    this.turnsLeft = converses ? between(2, 4) : 1;
    prepare(world.prompt(random), arrival);
  }

  private static List<CompiledFormat> formats() {
    FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(SimulatedWorld.TOKENIZER));
    return List.of(
        compiler.regex("([abc]{3})+"),
        compiler.regex("[abc]{1,12}"),
        compiler.grammar("root ::= [abc] root? [abc]"));
  }

  private int between(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  private boolean once(int in) {
    return random.nextInt(in) == 0;
  }

  private long soon() {
    return Duration.ofMillis(between(0, 60)).toNanos();
  }

  private void prepare(int[] prompt, long at) {
    Requests builder =
        Requests.request()
            .prompt(prompt)
            .seed(random.nextLong())
            .maxTokens(between(1, 30))
            .minTokens(once(3) ? between(0, 10) : 0)
            .stops(
                Stream.generate(() -> STOPS.get(random.nextInt(STOPS.size())))
                    .limit(once(2) ? between(1, 3) : 0)
                    .distinct()
                    .toArray(String[]::new))
            .stopIds(once(4) ? new int[] {between(1, 23), between(1, 23)} : new int[0])
            .includeStop(once(3))
            .ignoreEos(once(3))
            .echo(once(5))
            .tokensPerEvent(once(2) ? 1 : between(1, 6))
            .candidates(once(4) ? between(2, 4) : 1);
    if (once(4)) {
      builder.format(FORMATS.get(random.nextInt(FORMATS.size())));
    }
    String caller = "caller " + between(1, 3);
    Priority priority = Priority.values()[random.nextInt(3)];
    builder.scheduling(
        new SchedulingSettings(priority, caller, once(3) ? "salt" : "", Optional.empty()));
    boolean hurries = world.storms() || once(8);
    if (hurries) {
      builder.deadlineNanos(world.clock().nanoTime() - world.clock().elapsed() + at + soon());
    }
    if (once(8)) {
      builder.maxQueueTime(Duration.ofNanos(soon()));
    }
    if (once(8)) {
      builder.timeLimit(Duration.ofNanos(soon()));
    }
    request = builder.build();
    outlet = new RecordingOutlet(capacity, request.candidateCount());
    arrives = at;
    cancelled = false; // a turn that ended before the engine heard of it
    cancelAt = once(4) ? at + soon() : Long.MAX_VALUE;
    interruptAt = once(6) ? at + soon() : Long.MAX_VALUE;
    id = -1;
  }

  GenerationRequest request() {
    return request;
  }

  RecordingOutlet outlet() {
    return outlet;
  }

  boolean isDone() {
    return done;
  }

  boolean hasCancelled() {
    return cancelled;
  }

  boolean owns(EngineLoop loop, long sequenceId) {
    return server == loop && id == sequenceId;
  }

  boolean isLive() {
    return id >= 0 && !outlet.hasEnded();
  }

  int requests() {
    return requests;
  }

  List<Usage> usages() {
    return usages;
  }

  /** Whether its request's deadline had passed at a moment. */
  boolean wasLate(long nanoTime) {
    return request.deadlineNanos().isPresent() && request.deadlineNanos().get() - nanoTime <= 0;
  }

  /** Does what it does between two turns of the engine. */
  void act() {
    if (done) {
      return;
    }
    long now = world.clock().elapsed();
    if (id < 0 && arrives <= now) {
      submit();
    }
    if (isLive() && cancelAt <= now) {
      cancelled = true;
      server.cancel(id);
      server.cancel(id); // a second time changes nothing
    }
    if (isLive() && interruptAt <= now) {
      server.interrupt(id);
    }
    boolean reads = random.nextDouble() < readsPerTurn;
    if (id >= 0 && (reads && outlet.read(between(1, 4)) || once(50))) {
      server.demandChanged(id);
    }
    if (id >= 0 && outlet.hasEnded()) {
      ended(now);
    }
  }

  private void submit() {
    if (server != world.server()) {
      server = world.server();
      session = converses ? server.openSession() : -1;
    }
    if (session >= 0) {
      request = request.with(request.scheduling().withSession(session));
    }
    requests += server == world.firstServer() ? 1 : 0;
    id = server.submit(request, outlet);
  }

  private void ended(long now) {
    Optional<GenerationException> failure = outlet.failure();
    if (server == world.firstServer()) {
      usages.add(
          failure
              .map(GenerationException::usage)
              .orElseGet(() -> outlet.summary().orElseThrow().usage()));
    }
    boolean drained = failure.map(GenerationException::reason).equals(Optional.of(Reason.DRAINING));
    if (drained && world.server() != server) {
      takeUpAgain(now);
      return;
    }
    check();
    if (--turnsLeft > 0 && failure.isEmpty() && world.server() == server) {
      prepare(world.nextTurn(random, request.prompt(), outlet.tokens(0)), now + soon());
    } else {
      done = true;
      if (session >= 0) {
        server.closeSession(session);
      }
    }
  }

  /** What comes from the next server goes behind a part of what came from this one. */
  private void takeUpAgain(long now) {
    List<GenerationEvent> whole = outlet.events();
    int has = whole.isEmpty() ? 0 : between(1, whole.size());
    List<GenerationEvent> had = whole.subList(0, has);
    outlet = new RecordingOutlet(capacity, request.candidateCount());
    outlet.isBehind(had);
    if (has > 0) {
      request = withResume(had);
    }
    arrives = now + soon();
    id = -1;
  }

  private GenerationRequest withResume(List<GenerationEvent> had) {
    List<int[]> tokens = new ArrayList<>();
    for (int candidate = 0; candidate < request.candidateCount(); candidate++) {
      int which = candidate;
      tokens.add(
          had.stream()
              .filter(event -> event instanceof Delta delta && delta.candidate() == which)
              .flatMap(event -> ((Delta) event).tokens().stream())
              .mapToInt(SampledToken::id)
              .toArray());
    }
    return new GenerationRequest(
        request.requestId(),
        request.prompt(),
        request.sampling(),
        request.stop(),
        request.output(),
        request.format(),
        request.candidateCount(),
        request.scheduling(),
        Optional.of(new GenerationRequest.ResumePoint(tokens, Optional.of(had.size() - 1L))),
        request.maxQueueTime(),
        request.deadlineNanos());
  }

  private void check() {
    assertThat(outlet.ends()).as("ends").isEqualTo(1);
    checkOrder();
    int most = server.maxSequenceTokens();
    if (request.prompt().length >= most) {
      assertThat(outlet.failure()).isPresent();
      return;
    }
    for (int candidate = 0; candidate < request.candidateCount(); candidate++) {
      checkText(candidate, SoloRun.of(request, candidate, SimulatedWorld.TOKENIZER, most));
    }
  }

  private void checkOrder() {
    List<GenerationEvent> fresh = outlet.freshEvents();
    int prompts = 0;
    for (int i = 0; i < fresh.size(); i++) {
      GenerationEvent event = fresh.get(i);
      assertThat(event instanceof Started).as("Started comes first").isEqualTo(i == 0);
      prompts += event instanceof PromptProcessed ? 1 : 0;
      if (event instanceof Delta || (event instanceof Finished && outlet.failure().isEmpty())) {
        assertThat(prompts).as("prompt told once").isEqualTo(1);
      }
      if (event instanceof Summary) {
        assertThat(i).as("Summary comes last").isEqualTo(fresh.size() - 1);
      }
    }
    assertThat(prompts).as("PromptProcessed").isLessThanOrEqualTo(1);
  }

  private void checkText(int candidate, SoloRun solo) {
    List<Integer> tokens = outlet.tokens(candidate);
    Optional<Finished> finished = outlet.finished(candidate);
    long ends =
        outlet.events().stream()
            .filter(event -> event instanceof Finished other && other.candidate() == candidate)
            .count();
    assertThat(ends).as("Finished").isEqualTo(finished.isPresent() ? 1 : 0);
    boolean cut =
        finished.isEmpty()
            || finished.get().reason() == FinishReason.TIME_LIMIT
            || finished.get().reason() == FinishReason.INTERRUPTED;
    if (cut) {
      assertThat(outlet.failure().isPresent() || finished.isPresent()).isTrue();
      assertThat(tokens).isEqualTo(solo.tokens().subList(0, tokens.size()));
      if (finished.isEmpty()) { // else an unfinished character ends as U+FFFD
        assertThat(solo.text()).startsWith(outlet.text(candidate));
      }
    } else {
      assertThat(tokens).isEqualTo(solo.tokens());
      assertThat(outlet.text(candidate)).isEqualTo(solo.text());
      assertThat(finished.get().reason()).isEqualTo(solo.reason());
      assertThat(finished.get().stopText()).isEqualTo(solo.stopText());
      assertThat(finished.get().completionTokens()).isEqualTo(solo.tokens().size());
    }
    List<Integer> sizes =
        outlet
            .deltas()
            .filter(delta -> delta.candidate() == candidate)
            .map(delta -> delta.tokens().size())
            .toList();
    assertThat(sizes.stream().limit(Math.max(0, sizes.size() - 1)))
        .allMatch(size -> size == request.output().tokensPerEvent());
  }

  @Override
  public String toString() {
    return "%d tokens at %s, %d candidates, %s, prompt %d, %d turns"
        .formatted(
            request.stop().maxTokens(),
            Duration.ofNanos(arrival),
            request.candidateCount(),
            request.scheduling(),
            request.prompt().length,
            turnsLeft);
  }
}
