package dev.millrace.engine;

import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.sampling.SamplingSettings;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Builds requests for tests. */
public final class Requests {
  private int[] prompt = {FakeTokenizer.BOS, 2, 3, 4};
  private long seed;
  private float temperature = 1;
  private int topCandidates;
  private int maxTokens = 20;
  private int minTokens;
  private List<String> stops = List.of();
  private int[] stopIds = {};
  private boolean includeStop;
  private boolean ignoreEos = true;
  private Optional<Duration> timeLimit = Optional.empty();
  private Optional<CompiledFormat> format = Optional.empty();
  private boolean echo;
  private int tokensPerEvent = 1;
  private int candidates = 1;
  private SchedulingSettings scheduling = SchedulingSettings.DEFAULT;
  private Optional<ResumePoint> resume = Optional.empty();
  private Optional<Duration> maxQueueTime = Optional.empty();
  private Optional<Long> deadline = Optional.empty();

  public static Requests request() {
    return new Requests();
  }

  public Requests prompt(int... ids) {
    prompt = ids;
    return this;
  }

  public Requests seed(long value) {
    seed = value;
    return this;
  }

  public Requests temperature(float value) {
    temperature = value;
    return this;
  }

  /** Log-probabilities too, with so many candidates beside them. */
  public Requests topCandidates(int count) {
    topCandidates = count;
    return this;
  }

  public Requests maxTokens(int count) {
    maxTokens = count;
    return this;
  }

  public Requests minTokens(int count) {
    minTokens = count;
    return this;
  }

  public Requests stops(String... texts) {
    stops = List.of(texts);
    return this;
  }

  public Requests stopIds(int... ids) {
    stopIds = ids;
    return this;
  }

  public Requests includeStop(boolean value) {
    includeStop = value;
    return this;
  }

  public Requests ignoreEos(boolean value) {
    ignoreEos = value;
    return this;
  }

  public Requests timeLimit(Duration limit) {
    timeLimit = Optional.of(limit);
    return this;
  }

  public Requests echo(boolean value) {
    echo = value;
    return this;
  }

  public Requests tokensPerEvent(int count) {
    tokensPerEvent = count;
    return this;
  }

  public Requests resume(List<Integer> tokens, long after) {
    resume =
        Optional.of(
            new ResumePoint(
                List.of(tokens.stream().mapToInt(Integer::intValue).toArray()),
                Optional.of(after)));
    return this;
  }

  public Requests candidates(int count) {
    candidates = count;
    return this;
  }

  public Requests scheduling(SchedulingSettings settings) {
    scheduling = settings;
    return this;
  }

  public Requests maxQueueTime(Duration limit) {
    maxQueueTime = Optional.of(limit);
    return this;
  }

  public Requests deadlineNanos(long nanoTime) {
    deadline = Optional.of(nanoTime);
    return this;
  }

  public Requests format(CompiledFormat value) {
    format = Optional.of(value);
    return this;
  }

  public GenerationRequest build() {
    return new GenerationRequest(
        "test",
        prompt,
        SamplingSettings.of(temperature, seed),
        new StopSettings(maxTokens, minTokens, stops, stopIds, includeStop, ignoreEos, timeLimit),
        new OutputSettings(
            false, false, topCandidates > 0, false, topCandidates, echo, tokensPerEvent, false),
        format,
        candidates,
        scheduling,
        resume,
        maxQueueTime,
        deadline);
  }
}
