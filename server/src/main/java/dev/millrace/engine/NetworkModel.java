package dev.millrace.engine;

import dev.millrace.kernel.Team;
import dev.millrace.kv.KvPool;
import dev.millrace.network.Chunk;
import dev.millrace.network.Network;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.sampling.History;
import dev.millrace.sampling.LogprobRequest;
import dev.millrace.sampling.LogprobRequest.Kind;
import dev.millrace.sampling.SampledToken;
import dev.millrace.sampling.Sampler;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The real model: a network over the KV pool, and a sampler for each member of the team. */
public final class NetworkModel implements StepModel {
  private final Network network;
  private final KvPool pool;
  private final Team team;
  private final List<Sampler> samplers; // by member of the team
  private final Runnable afterwards;

  /**
   * @param network closed with the model
   * @param pool closed with the model
   * @param team the network's; shares the rows to sample
   * @param samplers one for each member
   * @param afterwards gives back what these stand on, once they are closed
   */
  public NetworkModel(
      Network network, KvPool pool, Team team, List<Sampler> samplers, Runnable afterwards) {
    if (samplers.size() != team.size()) {
      throw new IllegalArgumentException(
          samplers.size() + " samplers for a team of " + team.size());
    }
    this.network = network;
    this.pool = pool;
    this.team = team;
    this.samplers = List.copyOf(samplers);
    this.afterwards = afterwards;
  }

  @Override
  public int contextLength() {
    return network.limits().maxContext();
  }

  @Override
  public List<List<SampledToken>> step(StepPlan plan) {
    for (StepPlan.Copy copy : plan.copies()) {
      pool.copyBlock(copy.from(), copy.to());
    }
    // Looked at once: candidates share their prompt's scores.
    Set<StepPlan.Entry> scored =
        plan.entries().stream().filter(NetworkModel::isScored).collect(Collectors.toSet());
    if (scored.isEmpty()) {
      return stepTogether(plan.entries());
    }
    List<StepPlan.Entry> others =
        plan.entries().stream().filter(entry -> !scored.contains(entry)).toList();
    Iterator<List<SampledToken>> sampledTogether =
        (others.isEmpty() ? List.<List<SampledToken>>of() : stepTogether(others)).iterator();
    List<List<SampledToken>> sampled = new ArrayList<>(); // in the plan's order
    for (StepPlan.Entry entry : plan.entries()) {
      if (scored.contains(entry)) {
        score(entry).map(List::of).ifPresent(sampled::add);
      } else if (entry.samples()) {
        sampled.add(sampledTogether.next());
      }
    }
    return sampled;
  }

  /** Whether positions of a prompt want logits, for what is told of its tokens. */
  private static boolean isScored(StepPlan.Entry entry) {
    int end = entry.position() + entry.count();
    return entry.sequence().promptTokens().wantLogits(entry.position(), end);
  }

  private List<List<SampledToken>> stepTogether(List<StepPlan.Entry> entries) {
    List<Chunk> chunks = new ArrayList<>(entries.size());
    for (StepPlan.Entry entry : entries) {
      Sequence sequence = entry.sequence();
      chunks.add(
          new Chunk(
              sequence.tokens(),
              entry.position(),
              entry.count(),
              entry.position(),
              sequence.blocks(),
              entry.logitRows()));
    }
    Matrix<LogitRows, Vocab> logits = network.forward(chunks, pool);
    List<StepPlan.Entry> sampling = entries.stream().filter(StepPlan.Entry::samples).toList();
    int[] firstRows = new int[sampling.size()]; // of logits
    for (int i = 1; i < firstRows.length; i++) {
      firstRows[i] = firstRows[i - 1] + sampling.get(i - 1).logitRows();
    }
    List<List<SampledToken>> sampled =
        new ArrayList<>(Collections.nCopies(firstRows.length, List.of()));
    team.run(
        (part, parts) -> {
          int end = Team.split(firstRows.length, part + 1, parts);
          for (int i = Team.split(firstRows.length, part, parts); i < end; i++) {
            sampled.set(i, sample(samplers.get(part), sampling.get(i), logits, firstRows[i]));
          }
        });
    return sampled;
  }

  /** In slices, as many rows as logits have room: each position wants a row. */
  private Optional<SampledToken> score(StepPlan.Entry entry) {
    Sequence sequence = entry.sequence();
    int end = entry.position() + entry.count();
    SampledToken next = Sampler.NONE;
    int from = entry.position();
    while (from < end) {
      int rows = Math.min(network.limits().maxLogitRows(), end - from);
      Matrix<LogitRows, Vocab> logits =
          network.forward(
              List.of(new Chunk(sequence.tokens(), from, rows, from, sequence.blocks(), rows)),
              pool);
      scoreRows(sequence, from, rows, logits);
      if (from + rows == end && entry.samples() && sequence.promptTokens().areFinite()) {
        next = sample(samplers.getFirst(), entry, logits, rows - 1).getFirst();
      }
      from += rows;
    }
    return entry.samples() ? Optional.of(next) : Optional.empty();
  }

  private void scoreRows(Sequence sequence, int from, int rows, Matrix<LogitRows, Vocab> logits) {
    int topCandidates = sequence.request().output().topCandidates();
    PromptTokens prompt = sequence.promptTokens();
    SampledToken[] scores = new SampledToken[rows]; // of the tokens behind each row's
    team.run(
        (part, parts) -> {
          int end = Team.split(rows, part + 1, parts);
          for (int row = Team.split(rows, part, parts); row < end; row++) {
            if (prompt.wantLogitsBehind(from + row)) {
              int token = sequence.tokens()[from + row + 1];
              scores[row] = samplers.get(part).score(logits, row, token, topCandidates);
            }
          }
        });
    for (int row = 0; row < rows; row++) {
      if (scores[row] != null) {
        prompt.score(from + row + 1, scores[row]);
      }
    }
  }

  private static List<SampledToken> sample(
      Sampler sampler, StepPlan.Entry entry, Matrix<LogitRows, Vocab> logits, int firstRow) {
    Sequence sequence = entry.sequence();
    GenerationRequest request = sequence.request();
    LogprobRequest logprobs = logprobs(request.output());
    return Verification.draw(
        entry,
        (row, position, forbidden, allowed) ->
            sampler.sample(
                logits,
                firstRow + row,
                request.sampling(),
                sequence.candidate(),
                new History(sequence.tokens(), request.prompt().length, position),
                forbidden,
                allowed,
                logprobs));
  }

  private static LogprobRequest logprobs(OutputSettings output) {
    if (!output.logprobs() && output.topCandidates() == 0) {
      return LogprobRequest.NONE;
    }
    return new LogprobRequest(
        output.processedLogprobs() ? Kind.PROCESSED : Kind.RAW,
        output.topCandidates(),
        output.onlyChoosable());
  }

  @Override
  public void close() {
    network.close();
    pool.close();
    afterwards.run();
  }
}
