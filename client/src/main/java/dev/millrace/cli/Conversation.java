package dev.millrace.cli;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Signal;
import reactor.core.publisher.Sinks;

/**
 * A conversation on a Converse call. The call is opened when the model's turn is next, with all
 * that has been said; a conversation that is changed in another way than by turns is opened anew,
 * and so is one whose call has ended between two turns, with its server, say.
 *
 * <p>Used by one thread, but for {@link #interrupt}.
 */
final class Conversation implements AutoCloseable {
  private final MillraceClient client;
  private final String model;
  private final ChatCommand options;
  private List<ChatMessage> messages = new ArrayList<>();
  private Sinks.@Nullable Many<ConverseRequest> commands;
  private @Nullable Iterator<Signal<ConverseResponse>> events;

  /** Whether the call was open before the turn, of which no event has come yet. */
  private boolean mayHaveEnded;

  /**
   * @param model to ask for; empty is the server's default
   */
  Conversation(List<Target> targets, String model, ChatCommand options) {
    this.model = model;
    this.client =
        MillraceClient.connect(
            targets, ClientSettings.builder().apiKey(options.apiKey.key()).build());
    this.options = options;
  }

  /** What has been said; answers too, once they are complete. */
  List<ChatMessage> messages() {
    return Collections.unmodifiableList(messages);
  }

  /** Begins with other messages. */
  void restart(List<ChatMessage> history) {
    hangUp();
    messages = new ArrayList<>(history);
  }

  /** Whether a message waits for its answer. */
  boolean wantsAnswer() {
    return !messages.isEmpty() && messages.getLast().getRole().equals("user");
  }

  /** Has what was said last answered; the events follow. */
  void ask() {
    if (commands == null) {
      open();
    } else {
      ConverseRequest.Turn.Builder turn =
          ConverseRequest.Turn.newBuilder().addMessages(messages.getLast());
      if (options.sampling.seed != null) { // that of the opening is for its own answer only
        turn.getSamplingBuilder().setSeed(options.sampling.seed);
      }
      sendTurn(ConverseRequest.newBuilder().setTurn(turn));
    }
  }

  void say(String content) {
    messages.add(ChatMessage.newBuilder().setRole("user").setContent(content).build());
  }

  /** Has the last answer given again; false if there is none. */
  boolean regenerate() {
    if (messages.isEmpty() || !messages.getLast().getRole().equals("assistant")) {
      return false;
    }
    messages.removeLast();
    if (commands == null) {
      open();
    } else {
      sendTurn(
          ConverseRequest.newBuilder()
              .setRegenerate(ConverseRequest.RegenerateTurn.getDefaultInstance()));
    }
    return true;
  }

  void answered(String content) {
    messages.add(ChatMessage.newBuilder().setRole("assistant").setContent(content).build());
  }

  private void sendTurn(ConverseRequest.Builder command) {
    mayHaveEnded = true;
    send(command);
  }

  private void open() {
    mayHaveEnded = false;
    Sinks.Many<ConverseRequest> sink = Sinks.many().unicast().onBackpressureBuffer();
    commands = sink;
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setModel(model);
    request.getChatBuilder().addAllMessages(messages);
    request.getStopBuilder().setMaxTokens(options.maxTokens);
    request.setSampling(RequestMaker.sampling(options.sampling));
    send(
        ConverseRequest.newBuilder()
            .setOpen(
                ConverseRequest.OpenConversation.newBuilder()
                    .setRequest(request)
                    .setCallerPicks(options.pick)));
    // One event ahead of what is written: who doesn't read our output stops the generation.
    events = client.converse(sink.asFlux()).materialize().toIterable(1).iterator();
  }

  /** The next event; waits for it. What fails, fails here, and ends the call. */
  ConverseResponse next() {
    Iterator<Signal<ConverseResponse>> stream = events;
    if (stream == null || !stream.hasNext()) {
      throw new IllegalStateException("the server ended the conversation");
    }
    Signal<ConverseResponse> signal = stream.next();
    ConverseResponse event = signal.get();
    if (event != null) {
      mayHaveEnded = false;
      return event;
    }
    hangUp();
    if (mayHaveEnded) { // a new call works, or fails with what is wrong with this turn
      open();
      return next();
    }
    if (signal.getThrowable() instanceof RuntimeException failure) {
      throw failure;
    }
    throw new IllegalStateException("the server ended the conversation", signal.getThrowable());
  }

  void pick(int position, int id) {
    send(
        ConverseRequest.newBuilder()
            .setPick(ConverseRequest.PickToken.newBuilder().setPosition(position).setId(id)));
  }

  void rewind(int count) {
    send(
        ConverseRequest.newBuilder()
            .setRewind(ConverseRequest.Rewind.newBuilder().setTokenCount(count)));
  }

  /** Ends the answer that runs; from any thread. */
  void interrupt() {
    send(
        ConverseRequest.newBuilder()
            .setInterrupt(ConverseRequest.InterruptTurn.getDefaultInstance()));
  }

  /** Does nothing if the call has ended: the next event tells. */
  private synchronized void send(ConverseRequest.Builder command) {
    if (commands != null) {
      commands.tryEmitNext(command.build());
    }
  }

  private synchronized void hangUp() {
    if (commands != null) {
      commands.tryEmitComplete();
    }
    commands = null;
    events = null;
  }

  @Override
  public void close() {
    hangUp();
    client.close();
  }
}
