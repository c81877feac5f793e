package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.v1.Resume;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the caller of a broken stream has. */
final class ResumeReader {
  /** A Delta that brings only text, and CandidateFinished; whoever has the summary has all. */
  private static final int EVENTS_BEHIND_TOKENS = 2;

  private ResumeReader() {}

  static ResumePoint read(
      Resume asked,
      int candidates,
      int maxTokens,
      OutputSettings output,
      int promptLength,
      int vocabulary) {
    Checks.atMost("resume.candidates", "candidates", asked.getCandidatesCount(), candidates);
    List<int[]> known = new ArrayList<>();
    int deltas = 0; // each but a candidate's last has tokensPerEvent tokens
    for (int i = 0; i < asked.getCandidatesCount(); i++) {
      String field = "resume.candidates[" + i + "].ids";
      int[] tokens = Checks.tokenIds(field, asked.getCandidates(i).getIdsList(), vocabulary);
      Checks.atMost(field, "tokens", tokens.length, maxTokens);
      known.add(tokens);
      deltas += Math.ceilDiv(tokens.length, output.tokensPerEvent());
    }
    long after = asked.getAfterSequenceNumber();
    // Started and what tells of the prompt come before all Deltas.
    int prompt = output.promptEvents(promptLength);
    int least = deltas == 0 ? 0 : prompt + deltas;
    int most = prompt + deltas + candidates * EVENTS_BEHIND_TOKENS;
    if (after < least || after > most) {
      throw invalid(
          "resume.after_sequence_number",
          "%s; with %d tokens, the last event that arrived has a number from %d to %d"
              .formatted(
                  Long.toUnsignedString(after),
                  known.stream().mapToInt(tokens -> tokens.length).sum(),
                  least,
                  most));
    }
    return new ResumePoint(known, Optional.of(after));
  }
}
