// Sends events to Waybill in batches. Java 17 or newer, nothing else. See docs/batch.md.
//
//   List<Map<String, Object>> verdicts = new WaybillBatch("https://events.example", token).send(events);
//
// As a program it reads events from standard input, a line each:
//
//   EVENTS_URL=… EVENTS_TOKEN=… java WaybillBatch.java < events.ndjson

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.zip.GZIPOutputStream;

public final class WaybillBatch {
    private static final int EVENTS_MAX = 500;
    private static final int BYTES_MAX = 4_000_000; // of JSON; Waybill takes 5,000,000
    private static final Duration ANSWER_MAX = Duration.ofSeconds(30);
    private static final double PAUSE_SECONDS_MAX = 60;

    /** Waybill refuses the whole batch, and would refuse it again: nothing of it was stored. */
    public static final class Refused extends RuntimeException {
        Refused(String message) { super(message); }
    }

    /** There was no way through in time. The events have no verdict yet: keep them. */
    public static final class GaveUp extends RuntimeException {
        public final List<Map<String, Object>> events;

        GaveUp(List<Map<String, Object>> events) {
            super("gave up on " + events.size() + " events");
            this.events = events;
        }
    }

    private record Answer(Map<String, Object> body, int retryAfterSeconds) {}

    private final HttpClient http = HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();
    private final URI uri;
    private final String token;
    private final Duration giveUpAfter;

    public WaybillBatch(String url, String token) { this(url, token, Duration.ofMinutes(15)); }

    public WaybillBatch(String url, String token, Duration giveUpAfter) {
        this.uri = URI.create(url.replaceAll("/$", "") + "/batch");
        this.token = token;
        this.giveUpAfter = giveUpAfter;
    }

    /**
     * Returns the verdict on each event, in their order. Events without an id get one, in place: so
     * an event that is sent again by a later call still counts once.
     */
    public List<Map<String, Object>> send(List<Map<String, Object>> events) throws InterruptedException {
        List<Map<String, Object>> verdicts = new ArrayList<>();
        List<Map<String, Object>> batch = new ArrayList<>();
        int size = 0;
        for (Map<String, Object> event : events) {
            event.putIfAbsent("id", UUID.randomUUID().toString());
            int bytes = Json.write(event).getBytes(StandardCharsets.UTF_8).length + 1;
            if (!batch.isEmpty() && (batch.size() == EVENTS_MAX || size + bytes > BYTES_MAX)) {
                verdicts.addAll(sendBatch(batch));
                batch = new ArrayList<>();
                size = 0;
            }
            batch.add(event);
            size += bytes;
        }
        if (!batch.isEmpty()) verdicts.addAll(sendBatch(batch));
        return verdicts;
    }

    @SuppressWarnings("unchecked")
    private List<Map<String, Object>> sendBatch(List<Map<String, Object>> batch) throws InterruptedException {
        Map<String, Object>[] verdicts = new Map[batch.size()];
        List<Integer> pending = new ArrayList<>();
        for (int index = 0; index < batch.size(); index++) pending.add(index);
        long givesUpAt = System.nanoTime() + giveUpAfter.toNanos();
        double pause = 1;
        while (true) {
            List<Map<String, Object>> sent = pending.stream().map(batch::get).toList();
            Answer answer = post(sent);
            if (answer.body() != null) {
                List<Integer> left = new ArrayList<>();
                for (Object each : (List<Object>) answer.body().get("results")) {
                    Map<String, Object> result = (Map<String, Object>) each;
                    int index = pending.get(((BigDecimal) result.get("index")).intValueExact());
                    if ("retry".equals(result.get("status"))) left.add(index);
                    else verdicts[index] = result;
                }
                if (left.isEmpty()) return Arrays.asList(verdicts);
                if (left.size() < pending.size()) pause = 1;
                pending = left;
            }
            if (System.nanoTime() > givesUpAt) throw new GaveUp(pending.stream().map(batch::get).toList());
            double chance = 1 + ThreadLocalRandom.current().nextDouble() / 2;
            Thread.sleep((long) (Math.max(answer.retryAfterSeconds(), pause) * chance * 1000));
            pause = Math.min(PAUSE_SECONDS_MAX, pause * 2);
        }
    }

    /** Returns the answer, without a body if the batch has to be sent again. */
    @SuppressWarnings("unchecked")
    private Answer post(List<Map<String, Object>> events) throws InterruptedException {
        try {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            try (GZIPOutputStream gzip = new GZIPOutputStream(body)) {
                gzip.write(Json.write(events).getBytes(StandardCharsets.UTF_8));
            }
            HttpRequest request = HttpRequest.newBuilder(uri).timeout(ANSWER_MAX)
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", "application/json")
                .header("Content-Encoding", "gzip")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray())).build();
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            int status = response.statusCode();
            int retryAfter = response.headers().firstValue("Retry-After")
                .filter(value -> value.matches("\\d{1,6}")).map(Integer::parseInt).orElse(0);
            if (status == 200) return new Answer((Map<String, Object>) Json.read(response.body()), retryAfter);
            boolean isPassing = status == 408 || status == 429 || status >= 500;
            if (isPassing || response.body().contains("incomplete_body")) return new Answer(null, retryAfter);
            throw new Refused(status + " " + response.body());
        } catch (IOException | Json.Malformed | NumberFormatException lost) {
            return new Answer(null, 0); // what was stored will be told as a duplicate
        }
    }

    /** As much of JSON as is needed here; use your own library in its place. */
    static final class Json {
        static final class Malformed extends RuntimeException {}

        private final String text;
        private int at;

        private Json(String text) { this.text = text; }

        static Object read(String text) {
            Json json = new Json(text);
            Object value = json.value();
            json.space();
            if (json.at != text.length()) throw new Malformed();
            return value;
        }

        private void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        }

        private char next() {
            space();
            if (at == text.length()) throw new Malformed();
            return text.charAt(at);
        }

        private boolean take(char wanted) {
            if (next() != wanted) return false;
            at++;
            return true;
        }

        private void expect(char wanted) { if (!take(wanted)) throw new Malformed(); }

        private Object value() {
            switch (next()) {
                case '{': return object();
                case '[': return array();
                case '"': return string();
                default: return literal();
            }
        }

        private Map<String, Object> object() {
            Map<String, Object> fields = new LinkedHashMap<>();
            expect('{');
            if (take('}')) return fields;
            do {
                next();
                String name = string();
                expect(':');
                fields.put(name, value());
            } while (take(','));
            expect('}');
            return fields;
        }

        private List<Object> array() {
            List<Object> values = new ArrayList<>();
            expect('[');
            if (take(']')) return values;
            do values.add(value()); while (take(','));
            expect(']');
            return values;
        }

        private String string() {
            StringBuilder value = new StringBuilder();
            expect('"');
            while (at < text.length()) {
                char character = text.charAt(at++);
                if (character == '"') return value.toString();
                if (character != '\\') { value.append(character); continue; }
                if (at == text.length()) break;
                char escape = text.charAt(at++);
                int known = "bfnrt".indexOf(escape);
                if (known >= 0) value.append("\b\f\n\r\t".charAt(known));
                else if (escape != 'u') value.append(escape);
                else if (at + 4 <= text.length()) {
                    value.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else break;
            }
            throw new Malformed();
        }

        private Object literal() {
            int begin = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(begin, at);
            switch (word) {
                case "null": return null;
                case "true": return true;
                case "false": return false;
                default:
                    try {
                        return new BigDecimal(word);
                    } catch (NumberFormatException error) {
                        throw new Malformed();
                    }
            }
        }

        static String write(Object value) {
            StringBuilder text = new StringBuilder();
            write(value, text);
            return text.toString();
        }

        private static void write(Object value, StringBuilder text) {
            if (value instanceof Map<?, ?> fields) {
                String separator = "{";
                for (Map.Entry<?, ?> field : fields.entrySet()) {
                    text.append(separator);
                    quote(field.getKey().toString(), text);
                    text.append(':');
                    write(field.getValue(), text);
                    separator = ",";
                }
                text.append(fields.isEmpty() ? "{}" : "}");
            } else if (value instanceof List<?> values) {
                String separator = "[";
                for (Object each : values) {
                    text.append(separator);
                    write(each, text);
                    separator = ",";
                }
                text.append(values.isEmpty() ? "[]" : "]");
            } else if (value instanceof BigDecimal number) {
                text.append(number.toPlainString());
            } else if (value == null || value instanceof Number || value instanceof Boolean) {
                text.append(value);
            } else {
                quote(value.toString(), text);
            }
        }

        private static void quote(String value, StringBuilder text) {
            text.append('"');
            for (int index = 0; index < value.length(); index++) {
                char character = value.charAt(index);
                if (character == '"' || character == '\\') text.append('\\').append(character);
                else if (character < ' ') text.append(String.format("\\u%04x", (int) character));
                else text.append(character);
            }
            text.append('"');
        }
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] arguments) throws Exception {
        WaybillBatch client = new WaybillBatch(System.getenv("EVENTS_URL"), System.getenv("EVENTS_TOKEN"));
        Map<String, Object> counts = new TreeMap<>();
        List<Map<String, Object>> events = new ArrayList<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        do {
            line = input.readLine();
            if (line != null && !line.isBlank()) events.add((Map<String, Object>) Json.read(line));
            if (line == null || events.size() == EVENTS_MAX) {
                for (Map<String, Object> verdict : client.send(events)) {
                    counts.merge((String) verdict.get("status"), 1, (one, other) -> (int) one + (int) other);
                    if ("rejected".equals(verdict.get("status"))) System.err.println(Json.write(verdict));
                }
                events.clear();
            }
        } while (line != null);
        System.out.println(Json.write(counts));
        System.exit(counts.containsKey("rejected") ? 1 : 0);
    }
}
