package dev.millrace.grpc;

import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateOnceResponse.Candidate;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextDelta;
import java.util.ArrayList;
import java.util.List;

/** Joins a stream's events to one answer. What it holds is bounded by max_tokens. */
final class AnswerCollector {

  /** What is known of one candidate. */
  private static final class Part {
    private final Candidate.Builder candidate = Candidate.newBuilder();
    private final StringBuilder text = new StringBuilder();

    Candidate build() {
      return candidate.setText(text.toString()).build();
    }
  }

  private final GenerateOnceResponse.Builder answer = GenerateOnceResponse.newBuilder();
  private final List<Part> parts = new ArrayList<>(); // by candidate

  void add(GenerateResponse response) {
    switch (response.getEventCase()) {
      case STARTED -> answer.setStarted(response.getStarted());
      case PROMPT -> answer.mergePrompt(response.getPrompt()); // there may be several
      case DELTA -> add(response.getDelta());
      case FINISHED ->
          part(response.getFinished().getCandidate()).candidate.setFinished(response.getFinished());
      case SUMMARY -> answer.setSummary(response.getSummary());
      case EVENT_NOT_SET -> throw new IllegalArgumentException("an event without an event");
    }
  }

  private void add(TextDelta delta) {
    Part part = part(delta.getCandidate());
    part.text.append(delta.getText());
    part.candidate.addAllTokenIds(delta.getTokenIdsList()).addAllTokens(delta.getTokensList());
  }

  private Part part(int candidate) {
    while (parts.size() <= candidate) {
      parts.add(new Part());
    }
    return parts.get(candidate);
  }

  GenerateOnceResponse answer() {
    parts.forEach(part -> answer.addCandidates(part.build()));
    return answer.build();
  }
}
