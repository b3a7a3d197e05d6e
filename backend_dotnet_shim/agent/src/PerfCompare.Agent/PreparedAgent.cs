using System.Collections.Concurrent;
using Microsoft.Agents.AI;
using PerfCompare.Agent.Benchmark;
using PerfCompare.Agent.Flavours;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent;

/// <summary>
/// The agent that <c>initialize</c> built, and its runs. Building it opens no connection: the first
/// one belongs to the first call.
/// </summary>
internal sealed class PreparedAgent
{
    private readonly TestConfiguration _configuration;
    private readonly ModelEndpoint _endpoint;
    private readonly PromptCycle _prompts;
    private readonly TimedIteration _iteration;
    private AIAgent? _bare;

    /// <exception cref="RpcException">The configuration asks for what this agent cannot do.</exception>
    public PreparedAgent(InitializeParams parameters)
    {
        _configuration = parameters.Configuration;
        _endpoint = EndpointOf(parameters);
        if (!AgentIdentity.Scenarios.Contains(_configuration.Scenario))
        {
            throw new RpcException(
                ErrorCode.UnsupportedMode,
                $"scenario {WireName.Of(_configuration.Scenario)} is not supported");
        }

        if (!AgentIdentity.Flavours.Contains(_configuration.Flavour))
        {
            throw new RpcException(
                ErrorCode.UnsupportedMode,
                $"flavour {WireName.Of(_configuration.Flavour)} is not supported");
        }

        _prompts = new(_configuration);
        _iteration = new(CallerFactory.Create(_configuration, _endpoint), _prompts, _configuration);
    }

    public async Task<RunResult> RunAsync(RunParams run, ActiveRun active, SampleBuffer samples)
    {
        var clock = new BlockClock();
        ILoop loop = run.Mode is TestMode.Rate
            ? new OpenLoop(run, _iteration, clock, samples.Add, active.Token)
            : new ClosedLoop(run, _iteration, clock, samples.Add, samples.FlushIfDue, active.Token);
        var calls = loop.RunAsync();
        var flushing = loop.CallsOverlap ? samples.FlushWhileAsync(calls) : Task.CompletedTask;
        await calls.ConfigureAwait(false);
        var wallNs = clock.ElapsedNs;
        await flushing.ConfigureAwait(false);
        samples.Flush();
        return new(samples.Completed, active.End(), loop.Dropped, clock.StartUnixNs, wallNs);
    }

    public async Task<WarmupResult> WarmUpAsync(WarmupParams warmup, ActiveRun active)
    {
        var finished = new ConcurrentQueue<FinishedIteration>();
        if (warmup.Iterations > 0)
        {
            var loop = new ClosedLoop(
                warmup.ToRun(),
                _iteration,
                new BlockClock(),
                finished.Enqueue,
                () => { },
                active.Token);
            await loop.RunAsync().ConfigureAwait(false);
        }

        active.End();
        return new([.. finished.Select(iteration => iteration.ToSample())]);
    }

    public async Task<BareLoopResult> RunBareAsync(BareLoopParams parameters, ActiveRun active)
    {
        _bare ??= AgentFactory.Bare(_configuration, _endpoint);
        var loop = new BareLoop(_bare, _prompts, parameters.Iterations, active.Token);
        return await loop.RunAsync(parameters.Concurrency).ConfigureAwait(false);
    }

    private static ModelEndpoint EndpointOf(InitializeParams parameters)
    {
        try
        {
            return ModelEndpoint.Parse(parameters.Configuration.Endpoint, parameters.ConnectTo);
        }
        catch (FormatException problem)
        {
            throw new RpcException(ErrorCode.InvalidParams, problem.Message);
        }
    }
}
