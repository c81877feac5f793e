package dev.millrace.soak;

import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenInfo;
import dev.millrace.v1.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a reader has of one answer, by candidate; whole, it is what others are compared with. */
final class Heard {
  private static final class Candidate {
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> ids = new ArrayList<>();
    private final List<TokenInfo> tokens = new ArrayList<>();
    private FinishReason reason = FinishReason.FINISH_REASON_UNSPECIFIED;

    boolean equalTo(Candidate other) {
      return reason == other.reason
          && text.compareTo(other.text) == 0
          && ids.equals(other.ids)
          && tokens.equals(other.tokens);
    }

    boolean begins(Candidate whole) {
      return ids.equals(whole.ids.subList(0, Math.min(ids.size(), whole.ids.size())))
          && tokens.equals(whole.tokens.subList(0, Math.min(tokens.size(), whole.tokens.size())))
          && (cutByTime() || whole.text.toString().startsWith(text.toString()));
    }

    /** Then what was held back of a character comes as a replacement for it. */
    private boolean cutByTime() {
      return reason == FinishReason.FINISH_REASON_TIME_LIMIT;
    }

    @Override
    public String toString() {
      return "%s %s \"%s\"".formatted(reason, ids, text);
    }
  }

  private final Map<Integer, Candidate> candidates = new TreeMap<>();

  private Candidate candidate(int index) {
    return candidates.computeIfAbsent(index, _ -> new Candidate());
  }

  void add(TextDelta delta) {
    Candidate candidate = candidate(delta.getCandidate());
    candidate.text.append(delta.getText());
    candidate.ids.addAll(delta.getTokenIdsList());
    candidate.tokens.addAll(delta.getTokensList());
  }

  void add(CandidateFinished finished) {
    candidate(finished.getCandidate()).reason = finished.getReason();
  }

  List<Integer> ids(int candidate) {
    return candidate(candidate).ids;
  }

  int tokens() {
    return candidates.values().stream().mapToInt(candidate -> candidate.ids.size()).sum();
  }

  boolean equalTo(Heard other) {
    return candidates.keySet().equals(other.candidates.keySet())
        && candidates.entrySet().stream()
            .allMatch(entry -> entry.getValue().equalTo(other.candidates.get(entry.getKey())));
  }

  /** Whether it may become the same as another that is whole. */
  boolean begins(Heard whole) {
    return whole.candidates.keySet().containsAll(candidates.keySet())
        && candidates.entrySet().stream()
            .allMatch(entry -> entry.getValue().begins(whole.candidates.get(entry.getKey())));
  }

  @Override
  public String toString() {
    return candidates.toString();
  }

  /** Counts of tokens, of several requests. */
  record Tokens(long prompt, long cached, long completion) {
    static final Tokens NONE = new Tokens(0, 0, 0);

    static Tokens of(Usage usage) {
      return new Tokens(
          usage.getPromptTokens(), usage.getCachedPromptTokens(), usage.getCompletionTokens());
    }

    static Tokens of(EngineStats counters) {
      return new Tokens(
          counters.getPromptTokens(),
          counters.getCachedPromptTokens(),
          counters.getCompletionTokens());
    }

    Tokens plus(Tokens other) {
      return new Tokens(
          prompt + other.prompt, cached + other.cached, completion + other.completion);
    }

    Tokens minus(Tokens other) {
      return new Tokens(
          prompt - other.prompt, cached - other.cached, completion - other.completion);
    }
  }
}
