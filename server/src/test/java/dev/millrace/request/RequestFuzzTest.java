package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.Resume;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever a caller sends is either served or refused by a field; it never breaks the reader. */
class RequestFuzzTest {
  private static final int[] INTS = {0, 1, 2, 16, 17, 257, 258, Integer.MAX_VALUE, -1};
  private static final float[] FLOATS = {
    0f, -0f, 1f, 0.5f, -2f, 1e-40f, Float.MAX_VALUE, Float.NaN, Float.NEGATIVE_INFINITY
  };
  private static final String[] TEXTS = {"", "a", "é😀", "\0", "<eos>", "\n", "x".repeat(300)};

  private int accepted;
  private int refused;

  @Test
  void randomFieldsAreServedOrRefusedByName() {
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        setRandomField(request, random);
      }
      read(request.build());
    }

    assertThat(accepted).isPositive();
    assertThat(refused).isPositive();
  }

  @Test
  void randomBytesAreServedOrRefusedByName() {
    Random random = new Random(6);
    byte[] whole =
        RequestFixtures.hello().toBuilder()
            .setResume(
                Resume.newBuilder()
                    .setToken(
                        RequestFixtures.read(RequestFixtures.hello()).started().getResumeToken()))
            .build()
            .toByteArray();
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = whole.clone();
      for (int changes = random.nextInt(6); changes >= 0; changes--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      try {
        read(GenerateRequest.parseFrom(bytes));
      } catch (InvalidProtocolBufferException e) {
        // Not a message: gRPC refuses it before us.
      }
    }

    assertThat(refused).isPositive();
  }

  private void read(GenerateRequest request) {
    try {
      assertThat(RequestFixtures.read(request).generation().prompt()).isNotEmpty();
      accepted++;
    } catch (InvalidRequestException e) {
      assertThat(e.field()).isNotEmpty();
      assertThat(e).message().isNotEmpty();
      refused++;
    }
  }

  private static void setRandomField(Message.Builder message, Random random) {
    var fields = message.getDescriptorForType().getFields();
    if (fields.isEmpty()) {
      return;
    }
    FieldDescriptor field = fields.get(random.nextInt(fields.size()));
    if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE && !field.isRepeated()) {
      setRandomField(message.getFieldBuilder(field), random);
      return;
    }
    Object value = randomValue(message, field, random);
    if (field.isRepeated()) {
      message.addRepeatedField(field, value);
    } else {
      message.setField(field, value);
    }
  }

  private static Object randomValue(Message.Builder message, FieldDescriptor field, Random random) {
    return switch (field.getJavaType()) {
      case INT -> INTS[random.nextInt(INTS.length)];
      case LONG -> (long) INTS[random.nextInt(INTS.length)] << (random.nextBoolean() ? 33 : 0);
      case FLOAT -> FLOATS[random.nextInt(FLOATS.length)];
      case DOUBLE -> (double) FLOATS[random.nextInt(FLOATS.length)];
      case BOOLEAN -> random.nextBoolean();
      case STRING -> TEXTS[random.nextInt(TEXTS.length)];
      case BYTE_STRING -> ByteString.copyFromUtf8(TEXTS[random.nextInt(TEXTS.length)]);
      case ENUM -> field.getEnumType().findValueByNumberCreatingIfUnknown(random.nextInt(5));
      case MESSAGE -> {
        Message.Builder nested = message.newBuilderForField(field);
        setRandomField(nested, random);
        yield nested.build();
      }
    };
  }
}
