package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.template.Rendering;
import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.GenerateRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * A conversation as the model has it: messages, and the token ids that it has read and said. What
 * it said stays as the ids that it drew, though reading the text again might give others. A
 * template that renders the past in another way with each turn is read again from where its text
 * differs: at the last border of a prompt or an answer before that.
 *
 * <p>Used by one thread at a time, and never on an event loop: it renders and tokenizes.
 */
public final class Transcript {
  /** Up to where text and ids stand for each other. */
  private record Border(int characters, int tokens) {}

  private final ModelProfile model;
  private final ChatPrompt opening; // whose messages aren't looked at
  private final List<ChatMessage> messages;
  private final boolean isChat;

  private String text = ""; // that the ids stand for
  private BitSet byTemplate = new BitSet(); // which of it
  private int[] ids; // of the last prompt, and of the answer if it can be kept
  private final List<Border> borders = new ArrayList<>(); // ascending
  private int[] prompt; // the last one
  private Border promptEnd = new Border(0, 0);
  private int[] answer = {};
  private boolean answered;

  private Transcript(
      ModelProfile model,
      ChatPrompt opening,
      List<ChatMessage> messages,
      boolean isChat,
      int[] ids) {
    this.model = model;
    this.opening = opening;
    this.messages = messages;
    this.isChat = isChat;
    this.ids = ids;
    this.prompt = ids;
  }

  /**
   * @param asked its prompt is the history; one that isn't set is that of a conversation without
   *     messages yet
   */
  public static Transcript open(GenerateRequest asked, ModelProfile model) {
    boolean isChat =
        asked.hasChat() || asked.getPromptCase() == GenerateRequest.PromptCase.PROMPT_NOT_SET;
    if (!isChat) {
      return new Transcript(
          model,
          ChatPrompt.getDefaultInstance(),
          new ArrayList<>(),
          false,
          PromptReader.read(asked, model, ModelChat.LOCAL_TIME));
    }
    model.chat().require();
    PromptReader.refuseTextOptions(asked);
    ChatPrompt chat = asked.getChat();
    Transcript transcript =
        new Transcript(
            model,
            chat.toBuilder().clearMessages().build(),
            new ArrayList<>(chat.getMessagesList()),
            true,
            new int[0]);
    if (!chat.getMessagesList().isEmpty()) {
      ChatReader.render(chat, model, ModelChat.LOCAL_TIME); // what is wrong with it is said now
    }
    return transcript;
  }

  /** Whether the model's turn is next. */
  public boolean wantsAnswer() {
    if (!isChat) {
      return !answered;
    }
    boolean opens = !opening.hasAddGenerationPrompt() || opening.getAddGenerationPrompt();
    String last = messages.isEmpty() ? "" : messages.getLast().getRole();
    return opens && !last.isEmpty() && !last.equals("assistant") && !last.equals("system");
  }

  public boolean hasAnswer() {
    return answered;
  }

  /** Of the last answer, all that were generated. Not to be changed. */
  public int[] answer() {
    return answer;
  }

  /** Adds what others say. */
  public void add(List<ChatMessage> more) {
    if (!isChat) {
      throw invalid(
          "messages", "the conversation was opened with text or token_ids; open it with chat");
    }
    if (more.isEmpty()) {
      throw invalid("messages", "there is none; at least one is needed");
    }
    Checks.atMost("messages", "messages", messages.size() + more.size(), Limits.MAX_MESSAGES);
    Checks.atMost("messages", "bytes", bytes(messages) + bytes(more), Limits.MAX_MESSAGES_BYTES);
    messages.addAll(more);
    answered = false;
  }

  private static int bytes(List<ChatMessage> messages) {
    return messages.stream().mapToInt(ChatMessage::getSerializedSize).sum();
  }

  /** Takes the last answer back; the prompt that it answered is next again. */
  public void dropAnswer() {
    if (!answered) {
      throw invalid("", "there is no answer yet");
    }
    if (isChat) {
      messages.removeLast();
    }
    forgetBehind(promptEnd);
    ids = prompt;
    answered = false;
  }

  /** What an answer was drawn behind; for the first time, or again. */
  public int[] lastPrompt() {
    return prompt;
  }

  /** Reads what has been said as the model's next prompt. */
  public int[] nextPrompt() {
    if (!isChat) {
      return prompt;
    }
    ChatPrompt chat =
        opening.toBuilder().addAllMessages(messages).setAddGenerationPrompt(true).build();
    Rendering rendering = ChatReader.render(chat, model, ModelChat.LOCAL_TIME);
    forgetBehind(lastCommon(rendering));
    Border kept = borders.isEmpty() ? new Border(0, 0) : borders.getLast();
    int length = rendering.text().length();
    int[] more =
        model
            .tokenizer()
            .encodeMarked(
                rendering.text().substring(kept.characters()),
                rendering.byTemplate().get(kept.characters(), length),
                continuesText(kept));
    prompt = Arrays.copyOf(ids, kept.tokens() + more.length);
    System.arraycopy(more, 0, prompt, kept.tokens(), more.length);
    ids = prompt;
    text = rendering.text();
    byTemplate = (BitSet) rendering.byTemplate().clone();
    promptEnd = new Border(length, prompt.length);
    borders.add(promptEnd);
    return prompt;
  }

  private boolean continuesText(Border border) {
    return border.tokens() > 0 && !model.tokenizer().isSpecial(ids[border.tokens() - 1]);
  }

  private Border lastCommon(Rendering rendering) {
    for (Border border : borders.reversed()) {
      int end = border.characters();
      if (rendering.text().length() >= end
          && rendering.text().regionMatches(0, text, 0, end)
          && rendering.byTemplate().get(0, end).equals(byTemplate.get(0, end))) {
        return border;
      }
    }
    return new Border(0, 0);
  }

  private void forgetBehind(Border border) {
    borders.removeIf(each -> each.characters() > border.characters());
    text = text.substring(0, border.characters());
    byTemplate.clear(border.characters(), Math.max(border.characters(), byTemplate.length()));
  }

  /**
   * The model has answered.
   *
   * @param generated all of its tokens, also one that ended it
   * @param content its text, as it was told
   */
  public void answer(int[] generated, String content) {
    answered = true;
    answer = generated;
    if (!isChat) {
      return;
    }
    messages.add(ChatMessage.newBuilder().setRole("assistant").setContent(content).build());
    int count = generated.length;
    boolean ended = count > 0 && model.tokenizer().isEndOfGeneration(generated[count - 1]);
    int spoken = ended ? count - 1 : count;
    if (!textOf(generated, spoken).equals(content)) {
      return; // a stop was cut off, or special tokens are left out: it will be read as text
    }
    keep(content, false, generated, 0, spoken);
    if (ended) {
      byte[] piece = model.tokenizer().piece(generated[spoken]);
      keep(new String(piece, StandardCharsets.UTF_8), true, generated, spoken, count);
    }
  }

  private String textOf(int[] generated, int count) {
    TextDecoder decoder = model.tokenizer().decoder(false);
    StringBuilder whole = new StringBuilder();
    for (int i = 0; i < count; i++) {
      whole.append(decoder.add(generated[i]));
    }
    return whole.append(decoder.finish()).toString();
  }

  private void keep(String more, boolean special, int[] generated, int from, int to) {
    int length = ids.length;
    ids = Arrays.copyOf(ids, length + to - from);
    System.arraycopy(generated, from, ids, length, to - from);
    if (special) {
      byTemplate.set(text.length(), text.length() + more.length());
    }
    text += more;
    borders.add(new Border(text.length(), ids.length));
  }
}
