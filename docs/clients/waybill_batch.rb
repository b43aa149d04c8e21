# Sends events to Waybill in batches. Ruby 2.7 or newer, nothing else. See docs/batch.md.
#
#   verdicts = BatchClient.new("https://events.example", token).send_events(events)
#
# As a program it reads events from standard input, a line each:
#
#   EVENTS_URL=… EVENTS_TOKEN=… ruby waybill_batch.rb < events.ndjson

require "json"
require "net/http"
require "openssl"
require "securerandom"
require "uri"
require "zlib"

class BatchClient
  EVENTS_MAX = 500
  BYTES_MAX = 4_000_000 # of JSON; Waybill takes 5,000,000
  ANSWER_SECONDS_MAX = 30
  PAUSE_SECONDS_MAX = 60
  LOST = [
    SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError,
    Net::ProtocolError, Net::HTTPBadResponse, Net::HTTPHeaderSyntaxError, JSON::ParserError, Zlib::Error
  ].freeze

  # Waybill refuses the whole batch, and would refuse it again: nothing of it was stored.
  class Refused < StandardError; end

  # There was no way through in time. `events` have no verdict yet: keep them.
  class GaveUp < StandardError
    attr_reader :events

    def initialize(events)
      @events = events
      super("gave up on #{events.length} events")
    end
  end

  def initialize(url, token, give_up_seconds: 900)
    @uri = URI("#{url.chomp('/')}/batch")
    @headers = {
      "Authorization" => "Bearer #{token}",
      "Content-Type" => "application/json",
      "Content-Encoding" => "gzip"
    }
    @give_up_seconds = give_up_seconds
  end

  # Returns the verdict on each event, in their order. Events without an id get one, in place: so an
  # event that is sent again by a later call still counts once.
  def send_events(events)
    events.each { |event| event["id"] ||= SecureRandom.uuid }
    packed(events).flat_map { |batch| send_batch(batch) }
  end

  private

  def send_batch(batch)
    verdicts = Array.new(batch.length)
    pending = batch.each_index.to_a
    pause = 1.0
    gives_up_at = now + @give_up_seconds
    loop do
      answer, retry_after = post(batch.values_at(*pending))
      if answer
        left = []
        answer["results"].each do |result|
          index = pending[result["index"]]
          result["status"] == "retry" ? left << index : verdicts[index] = result
        end
        return verdicts if left.empty?

        pause = 1.0 if left.length < pending.length
        pending = left
      end
      raise GaveUp, batch.values_at(*pending) if now > gives_up_at

      sleep([retry_after, pause].max * (1 + rand / 2))
      pause = [PAUSE_SECONDS_MAX, pause * 2].min
    end
  end

  # Returns the answer, nil if the batch has to be sent again, and the seconds to wait.
  def post(events)
    request = Net::HTTP::Post.new(@uri, @headers)
    request.body = Zlib.gzip(JSON.generate(events))
    options = { use_ssl: @uri.scheme == "https", open_timeout: 10, read_timeout: ANSWER_SECONDS_MAX }
    response = Net::HTTP.start(@uri.host, @uri.port, options) { |http| http.request(request) }
    retry_after = response["Retry-After"].to_i
    status = response.code.to_i
    return [JSON.parse(response.body), retry_after] if status == 200
    if [408, 429].include?(status) || status >= 500 || response.body.to_s.include?("incomplete_body")
      return [nil, retry_after]
    end

    raise Refused, "#{status} #{response.body}"
  rescue *LOST
    [nil, 0] # the answer was lost: what was stored will be told as a duplicate
  end

  def packed(events)
    batches = []
    size = 0
    events.each do |event|
      bytes = JSON.generate(event).bytesize + 1
      if batches.empty? || batches.last.length == EVENTS_MAX || size + bytes > BYTES_MAX
        batches << []
        size = 0
      end
      batches.last << event
      size += bytes
    end
    batches
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

if $PROGRAM_NAME == __FILE__
  client = BatchClient.new(ENV.fetch("EVENTS_URL"), ENV.fetch("EVENTS_TOKEN"))
  counts = Hash.new(0)
  $stdin.each_line.reject { |line| line.strip.empty? }.each_slice(BatchClient::EVENTS_MAX) do |lines|
    client.send_events(lines.map { |line| JSON.parse(line) }).each do |verdict|
      counts[verdict["status"]] += 1
      warn JSON.generate(verdict) if verdict["status"] == "rejected"
    end
  end
  puts JSON.generate(counts)
  exit(counts["rejected"].zero? ? 0 : 1)
end
