package dev.millrace.soak;

import dev.millrace.client.MillraceClient;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.GenerateRequest;
import java.util.ArrayList;
import java.util.List;

/** What the server answers when nothing else runs. */
record Answers(Catalogue catalogue, List<Heard> alone, List<List<Heard>> conversationsAlone) {

  /** Asks for everything, one after another. */
  static Answers askAlone(Catalogue catalogue, MillraceClient client) {
    List<Heard> alone =
        catalogue.requests().stream().map(request -> askAlone(request, client)).toList();
    List<List<Heard>> conversations = new ArrayList<>();
    for (Catalogue.Script script : catalogue.conversations()) {
      List<Heard> turns = new ArrayList<>();
      User.converse(client, script.commands(), Integer.MAX_VALUE, turns);
      conversations.add(turns);
    }
    return new Answers(catalogue, alone, conversations);
  }

  private static Heard askAlone(GenerateRequest request, MillraceClient client) {
    Heard heard = new Heard();
    client
        .generate(request)
        .doOnNext(
            event -> {
              if (event.hasDelta()) {
                heard.add(event.getDelta());
              } else if (event.hasFinished()) {
                heard.add(event.getFinished());
              }
            })
        .blockLast();
    return heard;
  }

  Heard of(int request) {
    return alone.get(request);
  }

  List<Heard> ofConversation(int script) {
    return conversationsAlone.get(script);
  }

  List<ConverseRequest> script(int which, String id) {
    List<ConverseRequest> commands =
        new ArrayList<>(catalogue.conversations().get(which).commands());
    ConverseRequest.Builder open = commands.getFirst().toBuilder();
    open.getOpenBuilder().getRequestBuilder().setRequestId(id);
    commands.set(0, open.build());
    return commands;
  }
}
