package dev.millrace.grpc;

import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateOnceResponse.Candidate;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextDelta;

/** Joins a stream's events to one answer. What it holds is bounded by max_tokens. */
final class AnswerCollector {
  private final GenerateOnceResponse.Builder answer = GenerateOnceResponse.newBuilder();
  private final Candidate.Builder candidate = Candidate.newBuilder();
  private final StringBuilder text = new StringBuilder();

  void add(GenerateResponse response) {
    switch (response.getEventCase()) {
      case STARTED -> answer.setStarted(response.getStarted());
      case PROMPT -> answer.setPrompt(response.getPrompt());
      case DELTA -> add(response.getDelta());
      case FINISHED -> candidate.setFinished(response.getFinished());
      case SUMMARY -> answer.setSummary(response.getSummary());
      case EVENT_NOT_SET -> throw new IllegalArgumentException("an event without an event");
    }
  }

  private void add(TextDelta delta) {
    text.append(delta.getText());
    candidate.addAllTokenIds(delta.getTokenIdsList()).addAllTokens(delta.getTokensList());
  }

  GenerateOnceResponse answer() {
    return answer.addCandidates(candidate.setText(text.toString())).build();
  }
}
